import { join } from 'node:path'
import { RecordingError } from '../errors.ts'
import { systemCode } from '../writer/disk-failure.ts'
import type { AppendFile, Storage, TailFile } from '../writer/storage.ts'
import type { FileSystem, OpenFile } from './file-system.ts'

/** A folder of the file system as a recorder's storage. */
export const folderStorage = (folder: string, files: FileSystem): Storage => ({
  place: folder,
  freeBytes: () => files.freeBytes(folder),
  create: async (name, bytes) => appendFile(await createDurably(folder, files, { name, bytes })),
  replace: async (name, bytes) => (await createDurably(folder, files, { name, bytes })).close(),
  createTail: async (name, bytes) =>
    tailFile(await createDurably(folder, files, { name, bytes }), () => files.remove(join(folder, name))),
})

/**
 * Makes a file under a temporary name, syncs it, gives it its name and syncs the folder: after a crash it is there
 * whole, or not at all. What had its name is gone then, so that only a file that is to be replaced may have it.
 */
export async function createDurably(
  folder: string,
  files: FileSystem,
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
): Promise<OpenFile> {
  const temporary = join(folder, `${name}.tmp`)
  try {
    const handle = await openNew(temporary, files)
    try {
      await writeWhole(handle, bytes)
      await handle.sync()
      await files.rename(temporary, join(folder, name))
      await files.syncFolder(folder)
    } catch (error) {
      await handle.close()
      // Never acknowledged, and on a full disk it takes room that is needed. One that has its name by now stays.
      await files.remove(temporary).catch(() => undefined)
      throw error
    }
    return handle
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

/** One that is there already was left by a process that was killed before it had its name: nobody was told of it. */
async function openNew(temporary: string, files: FileSystem): Promise<OpenFile> {
  try {
    return await files.open(temporary, 'create')
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    await files.remove(temporary)
    return files.open(temporary, 'create')
  }
}

export async function writeWhole(handle: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += await handle.write(bytes.subarray(at))
}

/** The same, over what is there. */
export async function writeWholeAt(handle: OpenFile, position: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += await handle.writeAt(position + at, bytes.subarray(at))
}

const appendFile = (handle: OpenFile): AppendFile => ({
  write: bytes => handle.write(bytes),
  sync: () => handle.syncData(),
  close: () => handle.close(),
})

const tailFile = (handle: OpenFile, remove: () => Promise<void>): TailFile => ({
  writeNow: bytes => {
    for (let at = 0; at < bytes.length; ) at += handle.writeNow(bytes.subarray(at))
  },
  sync: () => handle.syncData(),
  close: () => handle.close(),
  discard: async () => {
    await handle.close()
    await remove()
  },
})

/** What to tell a person whose recordings have nowhere to go. */
export function unusable(folder: string, cause: unknown): RecordingError {
  const system = systemCode(cause)
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return new RecordingError('DISK_FULL', `no space left for recordings in ${folder}: free space there`, { cause })
  }
  if (system === 'EMFILE' || system === 'ENFILE') {
    return new RecordingError(
      'WRITE_FAILED',
      `no file can be opened for recordings in ${folder} (${system}): raise the limit of open files, or serve fewer sessions`,
      { cause },
    )
  }
  return new RecordingError(
    'DIRECTORY_UNUSABLE',
    `can't keep recordings in ${folder} (${system}): make it a directory that the gateway's user can write to, or name another`,
    { cause },
  )
}
