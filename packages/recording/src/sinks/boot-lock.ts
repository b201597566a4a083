import { readdir, readFile, readlink, rename, stat, unlink, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { createDurably } from './folder-storage.ts'

/** The name of a boot's lock in its folder. A folder without one has nothing left to recover. */
const LOCK_NAME = 'lock'
/** A lock of another machine or container, where no process can be looked up, is dead when it wasn't touched for so long. */
export const LOCK_STALE_MS = 60_000

/** Tells one process from all others, as far as the system lets us (proc(5)). Empty strings where there is no /proc. */
interface ProcessMark {
  readonly pid: string
  /** Clock ticks since the machine's boot: a pid that was given out again has another. */
  readonly startedAt: string
  /** The machine's boot and the pid namespace: only within both does a pid mean anything. */
  readonly world: string
}

async function readMark(pid: 'self' | string): Promise<ProcessMark | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
    const machine = (await readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim()
    // The second field, the program's name in parentheses, may hold anything; the others are plain.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      pid: stat.slice(0, stat.indexOf(' ')),
      startedAt: fields[19] ?? '',
      world: `${machine} ${await readlink('/proc/self/ns/pid')}`,
    }
  } catch {
    return null // no such process, or a system without /proc
  }
}

/** Marks a boot's folder as in use by this process. */
export async function takeLock(folder: string): Promise<void> {
  const mark = (await readMark('self')) ?? { pid: '', startedAt: '', world: '' }
  const file = await createDurably(folder, LOCK_NAME, Buffer.from(`${mark.pid}\n${mark.startedAt}\n${mark.world}\n`))
  await file.close()
}

/** Says that this process still lives, to those who can't look it up. */
export async function touchLock(folder: string, now: number): Promise<void> {
  await utimes(join(folder, LOCK_NAME), now / 1e3, now / 1e3)
}

export async function releaseLock(folder: string): Promise<void> {
  await unlink(join(folder, LOCK_NAME))
}

/** `none`: nothing to recover. `live`: hands off. `dead`: may be claimed, by this name. */
export type LockState = { readonly kind: 'none' | 'live' } | { readonly kind: 'dead'; readonly name: string }

/** Looks at a boot folder's lock. A boot is never alive again once dead, so the answer `dead` stays true. */
export async function lockState(root: string, boot: string, now: number): Promise<LockState> {
  const folder = join(root, boot)
  const name = (await readdir(folder)).find(file => file === LOCK_NAME || file.startsWith(`${LOCK_NAME}.claimed-`))
  if (name === undefined) return { kind: 'none' }
  const claimer = name === LOCK_NAME ? null : name.slice(`${LOCK_NAME}.claimed-`.length)
  // A claimed folder is in the hands of the boot that claimed it, for as long as that one lives.
  const alive =
    claimer === null ? await isAlive(join(folder, name), now) : await isAlive(join(root, claimer, LOCK_NAME), now)
  return alive ? { kind: 'live' } : { kind: 'dead', name }
}

async function isAlive(lock: string, now: number): Promise<boolean> {
  let text: string
  let touchedAt: number
  try {
    text = await readFile(lock, 'utf8')
    touchedAt = (await stat(lock)).mtimeMs
  } catch {
    return false // the claimer has given its own lock back: it is gone
  }
  const [pid = '', startedAt = '', world = ''] = text.split('\n')
  const own = await readMark('self')
  if (own !== null && own.world === world) return (await readMark(pid))?.startedAt === startedAt
  return now - touchedAt < LOCK_STALE_MS
}

/** Claims a dead boot's folder for recovery. Renaming is atomic: of several claimers one gets it. */
export async function claimFolder(folder: string, name: string, boot: string): Promise<boolean> {
  try {
    await rename(join(folder, name), join(folder, `${LOCK_NAME}.claimed-${boot}`))
    return true
  } catch {
    return false // another was quicker
  }
}

/** Ends a claim: the folder has nothing left to recover. */
export async function settleClaim(folder: string, boot: string): Promise<void> {
  await unlink(join(folder, `${LOCK_NAME}.claimed-${boot}`))
}
