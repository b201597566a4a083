import { dirname, join } from 'node:path'
import { systemCode } from '../disk-failure.ts'
import { RecordingError } from '../errors.ts'
import type { PreviousLog } from '../instance-log.ts'
import { lockState, takeLock } from './boot-lock.ts'
import { bootFolders, ID_PATTERN, readLog } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { unusable } from './folder-storage.ts'

/** So many of the latest finished logs are tied into a new one. */
const PREVIOUS_LOGS_MAX = 8

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
  try {
    await files.makeFolder(folder)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    await makeFolders(dirname(folder), files)
    await files.makeFolder(folder)
  }
  await files.syncFolder(dirname(folder))
}

/** The ends of the latest logs that nobody writes any more, to be tied into the new one: a log cut later shows. */
export async function previousLogs(
  dir: string,
  files: FileSystem,
  { own, now }: { readonly own: string; readonly now: number },
): Promise<readonly PreviousLog[]> {
  const previous: PreviousLog[] = []
  for (const boot of (await bootFolders(dir, files)).toReversed()) {
    if (previous.length >= PREVIOUS_LOGS_MAX) break
    if (boot === own || (await lockState(dir, files, { boot, now })).kind === 'live') continue
    const { head } = await readLog(join(dir, boot), files)
    if (head !== null) previous.push({ boot, ...head })
  }
  return previous
}
