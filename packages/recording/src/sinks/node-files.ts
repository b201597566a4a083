import { createReadStream, writeSync } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  statfs,
  truncate,
  unlink,
  utimes,
} from 'node:fs/promises'
import type { FileSystem, OpenFile, OpenMode, ProcessMark } from './file-system.ts'

const READ_BYTES = 262_144
const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700
const FLAGS: Readonly<Record<OpenMode, string>> = { create: 'wx', append: 'a', update: 'r+', read: 'r' }

/** The system's own file system. */
export const nodeFiles: FileSystem = {
  open: async (path, mode) => openFile(await open(path, FLAGS[mode], PRIVATE_FILE)),
  readFile: path => readFile(path),
  readPieces: path => createReadStream(path, { highWaterMark: READ_BYTES }),
  readFolder: async path =>
    (await readdir(path, { withFileTypes: true })).map(entry => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
      isFile: entry.isFile(),
    })),
  makeFolder: async path => {
    await mkdir(path, { mode: PRIVATE_FOLDER })
  },
  rename,
  remove: unlink,
  truncate,
  syncFolder: async path => {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  modifiedAt: async path => (await stat(path)).mtimeMs,
  touch: (path, at) => utimes(path, at / 1e3, at / 1e3),
  freeBytes: async path => {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
  processMark,
}

const openFile = (handle: FileHandle): OpenFile => ({
  write: async bytes => (await handle.write(bytes)).bytesWritten,
  writeNow: bytes => writeSync(handle.fd, bytes),
  writeAt: async (position, bytes) => (await handle.write(bytes, 0, bytes.length, position)).bytesWritten,
  read: async (position, count) => {
    const bytes = Buffer.alloc(count)
    let at = 0
    while (at < count) {
      const { bytesRead } = await handle.read(bytes, at, count - at, position + at)
      if (bytesRead === 0) break
      at += bytesRead
    }
    return bytes.subarray(0, at)
  },
  size: async () => (await handle.stat()).size,
  sync: () => handle.sync(),
  syncData: () => handle.datasync(),
  close: () => handle.close(),
})

async function processMark(pid: 'self' | string): Promise<ProcessMark | null> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'latin1')
    const machine = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
    // The second field, the program's name in parentheses, may hold anything; the others are plain.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    return {
      pid: line.slice(0, line.indexOf(' ')),
      startedAt: fields[19] ?? '',
      world: `${machine} ${await readlink('/proc/self/ns/pid')}`,
    }
  } catch {
    return null // no such process, or a system without /proc
  }
}
