import { writeSync } from 'node:fs'
import { type FileHandle, open, rename, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../disk-failure.ts'
import { RecordingError } from '../errors.ts'
import type { AppendFile, Storage, TailFile } from '../storage.ts'

const PRIVATE_FILE = 0o600

/** A folder of the file system as a recorder's storage. */
export const folderStorage = (folder: string): Storage => ({
  place: folder,
  freeBytes: async () => {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  },
  create: async (name, bytes) => appendFile(await createDurably(folder, name, bytes)),
  createTail: async (name, bytes) => tailFile(await createDurably(folder, name, bytes), join(folder, name)),
})

/**
 * Makes a file under a temporary name, syncs it, gives it its name and syncs the folder: after a crash it is there
 * whole, or not at all. Never replaces a file.
 */
export async function createDurably(folder: string, name: string, bytes: Uint8Array): Promise<FileHandle> {
  const temporary = join(folder, `${name}.tmp`)
  try {
    const handle = await open(temporary, 'wx', PRIVATE_FILE)
    try {
      await writeWhole(handle, bytes)
      await handle.sync()
      await rename(temporary, join(folder, name))
      await syncFolder(folder)
    } catch (error) {
      await handle.close()
      // Never acknowledged, and on a full disk it takes room that is needed. One that has its name by now stays.
      await unlink(temporary).catch(() => undefined)
      throw error
    }
    return handle
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

/** A name is durable when the folder that holds it is (fsync(2)). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten
}

const appendFile = (handle: FileHandle): AppendFile => ({
  write: async bytes => (await handle.write(bytes)).bytesWritten,
  sync: () => handle.datasync(),
  close: () => handle.close(),
})

const tailFile = (handle: FileHandle, file: string): TailFile => ({
  writeNow: bytes => {
    for (let at = 0; at < bytes.length; ) at += writeSync(handle.fd, bytes, at)
  },
  sync: () => handle.datasync(),
  close: () => handle.close(),
  discard: async () => {
    await handle.close()
    await unlink(file)
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
