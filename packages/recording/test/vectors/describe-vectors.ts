import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rootOf } from '../../src/anchoring/merkle-tree.ts'
import {
  type DirectoryVerdict,
  folderAnchorSource,
  readInstanceLog,
  readRecording,
  verifyDirectory,
} from '../../src/index.ts'
import { leafLatin1 } from '../../src/verifier/read-chain.ts'
import { KEK } from '../writer-fixtures.ts'
import { SIGNER, VECTORS } from './make-vectors.ts'

/** JSON has no bytes: they are written as hexadecimal. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

function plain(value: unknown): Json {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  }
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
}

/** What is to be found in the vectors of a folder, for other readers to compare with. */
export async function describeVectors(folder: string): Promise<Json> {
  const vectors: Record<string, Json> = {}
  for (const name of Object.keys(VECTORS)) vectors[name] = await describeVector(join(folder, name))
  return {
    about:
      'docs/recording-format.md. Bytes are hexadecimal. `alone`: without anchors; `anchored`: with the anchor and the key.',
    kek: Buffer.from(KEK).toString('hex'),
    verifierKey: SIGNER.verifierKey,
    vectors,
  }
}

async function describeVector(folder: string): Promise<Json> {
  const dir = join(folder, 'recordings')
  const anchors = [folderAnchorSource(join(folder, 'anchor'))]
  const files: Record<string, Json> = {}
  for (const boot of (await readdir(dir)).sort()) {
    for (const name of (await readdir(join(dir, boot))).sort()) {
      const path = join(dir, boot, name)
      const bytes = await readFile(path)
      files[`${boot}/${name}`] = {
        sha256: createHash('sha256').update(bytes).digest('hex'),
        ...(name === 'instance.log' ? await describeLog(bytes) : {}),
        ...(name.endsWith('.dbrec') ? { events: await eventsOf(path) } : {}),
      }
    }
  }
  return {
    files,
    alone: verdictsOf(await verifyDirectory(dir, { keys: null })),
    anchored: verdictsOf(await verifyDirectory(dir, { keys: null, anchors, verifierKeys: [SIGNER.verifierKey] })),
  }
}

async function describeLog(bytes: Buffer): Promise<{ readonly [key: string]: Json }> {
  const { entries, head } = await readInstanceLog([bytes])
  return {
    head: plain(head),
    root: plain(rootOf(framesOf(bytes).map(frame => Buffer.from(leafLatin1(frame), 'latin1')))),
    entries: plain(entries.map(({ entry }) => entry)),
  }
}

/** The frames of a file that is nothing else. */
export function framesOf(file: Buffer): readonly Buffer[] {
  const frames: Buffer[] = []
  for (let at = 12 + file.readUInt32BE(8); at < file.length; ) {
    const end = at + 4 + file.readUInt32BE(at)
    frames.push(file.subarray(at, end))
    at = end
  }
  return frames
}

async function eventsOf(path: string): Promise<Json> {
  const events: Json[] = []
  for await (const event of readRecording(path, { kek: KEK })) {
    events.push(plain('header' in event ? { ...event, header: event.header.recording } : event))
  }
  return events
}

/** Without places, which differ from machine to machine, and words. */
const verdictsOf = ({ recordings, logs }: DirectoryVerdict): Json => ({
  recordings: Object.fromEntries(
    recordings.map(({ recording, verdict, clockJumps }) => [recording, plain({ ...verdict, clockJumps })]),
  ),
  logs: Object.fromEntries(
    logs.map(({ boot, state, frames, anchoredFrames, isRolledBack }) => [
      boot,
      plain({ state: state.kind, frames, anchoredFrames, isRolledBack }),
    ]),
  ),
})
