import { createHash } from 'node:crypto'
import { basename, dirname, join } from 'node:path'
import { RecordingError } from '../errors.ts'
import { type KeyEncryption, keyContext, tailKey } from '../format/keys.ts'
import { readBatches, readTailHeader, type TailChunk } from '../format/tail-format.ts'
import { TAIL_SUFFIX } from '../writer/tail.ts'
import type { FileSystem } from './file-system.ts'

/** What a dead boot's tails hold. */
export interface FoundTails {
  /** By recording, in the order they were written. */
  readonly chunks: ReadonlyMap<string, readonly TailChunk[]>
  readonly files: readonly {
    readonly file: string
    /** Bytes that are no genuine batch: torn, or not what was written. */
    readonly looseBytes: number
    /** Whether it begins as a tail does. What was cut to nothing has no loose bytes either. */
    readonly hasHeader: boolean
    /** Those that have entries in it. */
    readonly recordings: ReadonlySet<string>
  }[]
}

/** Reads the tails of a boot's folder, as far as each is genuine. */
export async function readTails(folder: string, files: FileSystem, keys: KeyEncryption): Promise<FoundTails> {
  const chunks = new Map<string, TailChunk[]>()
  const found: FoundTails['files'][number][] = []
  const names = (await files.readFolder(folder)).map(({ name }) => name)
  for (const name of names.filter(one => one.endsWith(TAIL_SUFFIX)).sort()) {
    const file = join(folder, name)
    const bytes = await files.readFile(file)
    const tail = await openTail(bytes, { keys, boot: basename(folder), number: Number.parseInt(name, 10) })
    for (const chunk of tail.chunks) {
      const known = chunks.get(chunk.recording)
      if (known === undefined) chunks.set(chunk.recording, [chunk])
      else known.push(chunk)
    }
    const recordings = new Set(tail.chunks.map(({ recording }) => recording))
    found.push({ file, looseBytes: bytes.length - tail.end, hasHeader: tail.end > 0, recordings })
  }
  return { chunks, files: found }
}

const UNGENUINE: ReadonlySet<string> = new Set(['MALFORMED', 'WRONG_KEY'])
const UNREADABLE = { chunks: [], end: 0 }

async function openTail(
  bytes: Buffer,
  expected: { readonly keys: KeyEncryption; readonly boot: string; readonly number: number },
): Promise<{ readonly chunks: readonly TailChunk[]; readonly end: number }> {
  const { keys, boot, number } = expected
  try {
    const found = readTailHeader(bytes)
    if (found === null || found.header.boot !== boot || found.header.number !== number) return UNREADABLE
    const dek = await keys.unwrap(found.header.wrappedKey, keyContext(boot, 'tail'))
    return readBatches(bytes, found.end, tailKey(dek))
  } catch (error) {
    // A header that was changed is as good as none. Where it is the key that is wrong it doesn't open the recordings
    // either, and then the tails stay as they are too.
    if (error instanceof RecordingError && UNGENUINE.has(error.code)) return UNREADABLE
    throw error
  }
}

/**
 * Ends the tails of a folder whose recordings are all dealt with. One that was whole goes where frames have all of it.
 * One that isn't what was written, or has entries of a recording that is gone, is set aside under its digest: it may be
 * the last account of what ran. Gives the files set aside.
 */
export async function settleTails(
  tails: FoundTails,
  files: FileSystem,
  present: ReadonlySet<string>,
): Promise<readonly string[]> {
  const aside: string[] = []
  for (const { file, looseBytes, hasHeader, recordings } of tails.files) {
    if (looseBytes === 0 && hasHeader && [...recordings].every(recording => present.has(recording))) {
      await files.remove(file)
      continue
    }
    const digest = createHash('sha256')
      .update(await files.readFile(file))
      .digest('hex')
      .slice(0, 16)
    const torn = `${file}.${digest}.torn`
    await files.rename(file, torn)
    await files.syncFolder(dirname(file))
    aside.push(torn)
  }
  return aside
}
