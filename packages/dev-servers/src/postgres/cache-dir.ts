import { chmod, chown, lstat, mkdir, mkdtemp, realpath, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ServerError } from '../server-error.ts'
import { serverUser } from './server-user.ts'

const ANYONE_MAY_ENTER = 0o001
const OTHERS_MAY_WRITE = 0o022

/** Whether the server's user can walk to this path: every directory above it lets anyone through. */
export async function isReachable(path: string): Promise<boolean> {
  if (!serverUser) return true
  for (let dir = dirname(await realpath(path)); ; dir = dirname(dir)) {
    if (((await stat(dir)).mode & ANYONE_MAY_ENTER) === 0) return false
    if (dir === dirname(dir)) return true
  }
}

async function reachableTmpdir(): Promise<string> {
  for (const dir of [tmpdir(), '/tmp', '/var/tmp']) {
    const found = await stat(dir).catch(() => null)
    if (!found?.isDirectory()) continue
    if (!serverUser) return dir
    if ((found.mode & ANYONE_MAY_ENTER) !== 0 && (await isReachable(dir))) return dir
  }
  throw new ServerError('START_FAILED', 'no temporary folder that the server user can enter: set TMPDIR to one')
}

/** A new empty directory under the temporary folder that belongs to the server's user. */
export const freshDir = async (): Promise<string> => {
  const dir = await mkdtemp(join(await reachableTmpdir(), 'querywarden-dev-'))
  if (serverUser) await chown(dir, serverUser.uid, serverUser.gid)
  return dir
}

/**
 * The directory that copies of the binaries and initialised data directories are kept in, one per user. The name can
 * be guessed, so it is only trusted if it is ours and nobody else can write to it.
 */
export async function cacheDir(): Promise<string> {
  const user = process.getuid?.() ?? 0
  const dir = join(await reachableTmpdir(), `querywarden-dev-cache-${user}`)
  await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const found = await lstat(dir)
  if (!found.isDirectory() || found.uid !== user || (found.mode & OTHERS_MAY_WRITE) !== 0) {
    throw new ServerError('START_FAILED', `\`${dir}\` belongs to somebody else: remove it or set TMPDIR`)
  }
  if (serverUser) await chmod(dir, 0o711)
  return dir
}
