import { join } from 'node:path'
import type { KeyEncryption, RandomBytes } from '../format/keys.ts'
import { TAG_BYTES } from '../format/layout.ts'
import { decodeIndex, encodeIndex, type FileState, type IndexedRecording } from '../search/index-file.ts'
import { systemCode } from '../writer/disk-failure.ts'
import type { FileSystem } from './file-system.ts'
import { writeWhole } from './folder-storage.ts'

/** Where the index is, in a recordings directory. No boot's folder can have this name. */
const INDEX_FOLDER = '.index'

export interface IndexPlace {
  readonly dir: string
  readonly files: FileSystem
  readonly keys: KeyEncryption
  readonly randomBytes: RandomBytes
}

const fileOf = ({ dir }: Pick<IndexPlace, 'dir'>, boot: string): string => join(dir, INDEX_FOLDER, `${boot}.idx`)

/** What the index has of a boot's recordings, by id. What can't be read, or isn't genuine, is nothing: it is made anew. */
export async function loadIndex(place: IndexPlace, boot: string): Promise<ReadonlyMap<string, IndexedRecording>> {
  let bytes: Buffer
  try {
    bytes = await place.files.readFile(fileOf(place, boot))
  } catch {
    return new Map()
  }
  const indexed = (await decodeIndex(boot, bytes, place.keys)) ?? []
  return new Map(indexed.map(one => [one.recording, one]))
}

/** Keeps an index. Where it can't be kept, later searches take longer, and nothing else. */
export async function saveIndex(
  place: IndexPlace,
  boot: string,
  indexed: readonly IndexedRecording[],
): Promise<boolean> {
  const { dir, files, randomBytes } = place
  const file = fileOf(place, boot)
  // Of several at once the last one's stays; each is whole.
  const temporary = `${file}.${Buffer.from(randomBytes(8)).toString('hex')}.tmp`
  try {
    await files.makeFolder(join(dir, INDEX_FOLDER)).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
    const handle = await files.open(temporary, 'create')
    try {
      await writeWhole(handle, await encodeIndex(boot, indexed, place))
    } finally {
      await handle.close()
    }
    await files.rename(temporary, file)
    return true
  } catch {
    await files.remove(temporary).catch(() => undefined)
    return false
  }
}

/** Removes the whole index. */
export async function dropIndex({ dir, files }: Pick<IndexPlace, 'dir' | 'files'>): Promise<void> {
  const folder = join(dir, INDEX_FOLDER)
  const found = await files.readFolder(folder).catch(() => [])
  for (const { name } of found) await files.remove(join(folder, name))
}

/** How a recording's file is now. */
export async function fileState(file: string, files: FileSystem): Promise<FileState> {
  const handle = await files.open(file, 'read')
  try {
    const bytes = await handle.size()
    const tag = await handle.read(Math.max(bytes - TAG_BYTES, 0), TAG_BYTES)
    return { bytes, tag: tag.toString('hex') }
  } finally {
    await handle.close()
  }
}
