import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ObjectStoreServer } from '@querywarden/dev-servers'
import { expect } from 'vitest'
import {
  type FileRecorder,
  fetchRecordings,
  localKeys,
  readInstanceLog,
  type UploadSink,
  type UploadSinkOptions,
  uploadSink,
  verifyDirectory,
} from '../../src/index.ts'
import { intent, KEK, opening, temporaryDir } from '../fixtures.ts'
import { systemClock } from '../writer-fixtures.ts'
import { storeOf } from './store-fixtures.ts'

const keys = localKeys(KEK, count => Buffer.alloc(count))
const never = (): Promise<void> => new Promise<void>(() => undefined)

/** Looks only when it is told to. */
export const sinkFor = (
  dir: string,
  recorder: Pick<FileRecorder, 'boot' | 'account'>,
  server: ObjectStoreServer,
  more: Partial<UploadSinkOptions> = {},
): UploadSink =>
  uploadSink({
    dir,
    boot: recorder.boot,
    store: storeOf(server),
    lock: null,
    keepLocal: true,
    account: recorder.account,
    clock: systemClock,
    sleep: never,
    logEveryMs: 0,
    ...more,
  })

export async function recordSession(recorder: FileRecorder, text = 'select 1'): Promise<void> {
  const session = await recorder.record(opening())
  await session.append(intent(1, text))
  await session.close('client-terminated')
}

export const verdicts = async (dir: string): Promise<readonly string[]> =>
  (await verifyDirectory(dir, { keys })).recordings.map(({ verdict }) => verdict.kind)

/** All files of a folder and its folders, by their paths in it. */
export async function filesIn(dir: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const pairs = await Promise.all(
    files.map(async file => [file.slice(dir.length + 1), (await readFile(file)).toString('hex')] as const),
  )
  return new Map(pairs.sort(([a], [b]) => (a < b ? -1 : 1)))
}

export async function fetched(server: ObjectStoreServer): Promise<string> {
  const dir = await temporaryDir()
  const report = await fetchRecordings({ store: storeOf(server), dir })
  expect(report.differing).toEqual([])
  return dir
}

export async function loggedKinds(dir: string): Promise<readonly string[]> {
  const kinds: string[] = []
  for (const boot of (await readdir(dir)).sort()) {
    const { entries } = await readInstanceLog([await readFile(join(dir, boot, 'instance.log'))])
    kinds.push(...entries.map(({ entry }) => entry.kind))
  }
  return kinds
}
