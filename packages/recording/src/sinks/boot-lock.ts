import { join } from 'node:path'
import type { FileSystem } from './file-system.ts'
import { createDurably } from './folder-storage.ts'

/** The name of a boot's lock in its folder. A folder without one has nothing left to recover. */
const LOCK_NAME = 'lock'
/** A lock of another machine or container, where no process can be looked up, is dead when it wasn't touched for so long. */
export const LOCK_STALE_MS = 60_000

const isLock = (name: string): boolean => name === LOCK_NAME || name.startsWith(`${LOCK_NAME}.claimed-`)

/** Marks a boot's folder as in use by this process. */
export async function takeLock(folder: string, files: FileSystem): Promise<void> {
  const mark = (await files.processMark('self')) ?? { pid: '', startedAt: '', world: '' }
  const bytes = Buffer.from(`${mark.pid}\n${mark.startedAt}\n${mark.world}\n`)
  await (await createDurably(folder, files, { name: LOCK_NAME, bytes })).close()
}

/** Says that this process still lives, to those who can't look it up. */
export async function touchLock(folder: string, files: FileSystem, now: number): Promise<void> {
  await files.touch(join(folder, LOCK_NAME), now)
}

export async function releaseLock(folder: string, files: FileSystem): Promise<void> {
  await files.remove(join(folder, LOCK_NAME))
}

/** `none`: nothing to recover. `live`: hands off. `dead`: may be claimed, by this name. */
export type LockState = { readonly kind: 'none' | 'live' } | { readonly kind: 'dead'; readonly name: string }

/** Looks at a boot folder's lock. A boot is never alive again once dead, so the answer `dead` stays true. */
export async function lockState(
  root: string,
  files: FileSystem,
  { boot, now }: { readonly boot: string; readonly now: number },
): Promise<LockState> {
  const folder = join(root, boot)
  const names = (await files.readFolder(folder)).map(file => file.name)
  const name = names.find(isLock)
  if (name === undefined) return { kind: 'none' }
  const claimer = name === LOCK_NAME ? null : name.slice(`${LOCK_NAME}.claimed-`.length)
  // A claimed folder is in the hands of the boot that claimed it, for as long as that one lives.
  const lock = claimer === null ? join(folder, name) : join(root, claimer, LOCK_NAME)
  const alive = await isAlive(lock, files, now)
  return alive ? { kind: 'live' } : { kind: 'dead', name }
}

async function isAlive(lock: string, files: FileSystem, now: number): Promise<boolean> {
  let text: string
  let touchedAt: number
  try {
    text = (await files.readFile(lock)).toString()
    touchedAt = await files.modifiedAt(lock)
  } catch {
    return false // the claimer has given its own lock back: it is gone
  }
  const [pid = '', startedAt = '', world = ''] = text.split('\n')
  const own = await files.processMark('self')
  if (own !== null && own.world === world) return (await files.processMark(pid))?.startedAt === startedAt
  return now - touchedAt < LOCK_STALE_MS
}

/** Claims a dead boot's folder for recovery. Renaming is atomic: of several claimers one gets it. */
export async function claimFolder(
  folder: string,
  files: FileSystem,
  { name, boot }: { readonly name: string; readonly boot: string },
): Promise<boolean> {
  try {
    await files.rename(join(folder, name), join(folder, `${LOCK_NAME}.claimed-${boot}`))
    return true
  } catch {
    return false // another was quicker
  }
}

/** Ends a claim: the folder has nothing left to recover. A file system may have left the lock with an older name as well. */
export async function settleClaim(folder: string, files: FileSystem): Promise<void> {
  for (const { name } of await files.readFolder(folder)) if (isLock(name)) await files.remove(join(folder, name))
}
