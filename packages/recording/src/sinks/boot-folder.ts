import { dirname, join } from 'node:path'
import { RecordingError } from '../errors.ts'
import type { KeyEncryption } from '../format/keys.ts'
import { LOG_TORN_BYTES_MAX } from '../verifier/read-log.ts'
import { systemCode } from '../writer/disk-failure.ts'
import { LOG_NAME, type PreviousLog } from '../writer/instance-log.ts'
import { lockState, takeLock } from './boot-lock.ts'
import { bootFolders, ID_PATTERN, readLog } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { unusable } from './folder-storage.ts'
import { rewriteEnd } from './rewrite-end.ts'

/** So many of the latest finished logs that account for recordings are tied into a new one, and so many of the others. */
const PREVIOUS_LOGS_MAX = 8
/** So many of the latest logs are looked at for them: whoever reads recordings leaves one each time. */
const LOGS_LOOKED_AT_MAX = 256

/** Ids become file names. */
export const checkedIds = (newId: () => string) => (): string => {
  const id = newId()
  if (ID_PATTERN.test(id)) return id
  throw new RecordingError(
    'BAD_OPTIONS',
    '`newId` gave an id that is no file name; expected letters, digits and dashes',
  )
}

/** Makes the folder of a boot, in use by this process. */
export async function makeBootFolder(dir: string, files: FileSystem, folder: string): Promise<void> {
  try {
    await makeFolders(dir, files)
    await files.makeFolder(folder)
    await files.syncFolder(dir)
  } catch (cause) {
    throw unusable(dir, cause)
  }
  await takeLock(folder, files)
}

/** With those that it is in, each durable in the one above: what is recorded could be lost with any of them. */
async function makeFolders(folder: string, files: FileSystem): Promise<void> {
  const parent = dirname(folder)
  try {
    await files.makeFolder(folder)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return syncParents(folder, files)
    if (code !== 'ENOENT' || parent === folder) throw error
    await makeFolders(parent, files)
    await files.makeFolder(folder)
  }
  await files.syncFolder(parent)
  await syncParents(parent, files)
}

/** A start that was killed may have made them and not have got to this. Where they can't be read they are not of that kind. */
async function syncParents(folder: string, files: FileSystem): Promise<void> {
  for (let at = folder; dirname(at) !== at; at = dirname(at)) {
    await files.syncFolder(dirname(at)).catch(() => undefined)
  }
}

/** A log whose key can't be had now is tied in by a later boot. */
function onlyUnusable(error: unknown): null {
  if (error instanceof RecordingError) throw error
  return null
}

/**
 * The ends of the latest logs that nobody writes any more, to be tied into the new one: a log cut later shows. Up to there
 * each is genuine and on the disk, so that no later power cut takes what was tied.
 */
export async function previousLogs(
  dir: string,
  files: FileSystem,
  { own, now, keys }: { readonly own: string; readonly now: number; readonly keys: KeyEncryption },
): Promise<readonly PreviousLog[]> {
  const previous: PreviousLog[] = []
  const tied = { recordings: 0, others: 0 }
  let lookedAt = 0
  for (const boot of (await bootFolders(dir, files)).toReversed()) {
    if (tied.recordings >= PREVIOUS_LOGS_MAX || lookedAt >= LOGS_LOOKED_AT_MAX) break
    if (boot === own || (await lockState(dir, files, { boot, now })).kind === 'live') continue
    const log = join(dir, boot, LOG_NAME)
    const found = await readLog(join(dir, boot), files, { keys }).catch(onlyUnusable)
    if (found === null || found.head === null) continue
    const { head, length, entries } = found
    // A folder without a genuine log doesn't count: anybody could make as many.
    lookedAt += 1
    // Counted apart, or those who read recordings would crowd out the log that a crash has left.
    const kind = entries.some(({ entry }) => entry.kind === 'opened') ? 'recordings' : 'others'
    if (tied[kind] >= PREVIOUS_LOGS_MAX) continue
    tied[kind] += 1
    try {
      await rewriteEnd(log, files, { from: Math.max(0, length - LOG_TORN_BYTES_MAX), to: length })
      await files.syncFolder(dirname(log))
    } catch (cause) {
      throw unusable(dir, cause)
    }
    previous.push({ boot, ...head })
  }
  return previous
}
