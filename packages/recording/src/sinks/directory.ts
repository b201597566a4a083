import { basename, join } from 'node:path'
import { RecordingError } from '../errors.ts'
import { decodeRecordingHeader, type RecordingHeader } from '../format/file-header.ts'
import { readPieces } from '../format/frame-reader.ts'
import type { KeyEncryption } from '../format/keys.ts'
import { RECORDING_MAGIC } from '../format/layout.ts'
import { joinLogs, type LogContents, type LogView, readInstanceLog } from '../verifier/log-view.ts'
import { LOG_NAME } from '../writer/instance-log.ts'
import { RECORDING_SUFFIX } from '../writer/recorder.ts'
import type { FileSystem, FolderEntry } from './file-system.ts'
import { unusable } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'

/** Ids are file names: letters, digits and dashes. */
export const ID_PATTERN: RegExp = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/

/** A recording that a directory holds, or that its logs say it should hold. */
export interface RecordingSummary {
  readonly recording: string
  /** Null when only the log knows it. */
  readonly file: string | null
  /** Null when there is no file or no readable header. */
  readonly header: RecordingHeader | null
  /** The last word of the instance logs on it. */
  readonly logged: 'closed' | 'recovered' | 'open' | 'unknown'
}

/** The folders of a recordings directory, one a boot, oldest first where ids sort by time. */
export async function bootFolders(dir: string, files: FileSystem = nodeFiles): Promise<readonly string[]> {
  let found: Awaited<ReturnType<FileSystem['readFolder']>>
  try {
    found = await files.readFolder(dir)
  } catch (cause) {
    throw unusable(dir, cause)
  }
  return found
    .filter(entry => entry.isFolder && ID_PATTERN.test(entry.name))
    .map(entry => entry.name)
    .sort()
}

/** Reads all instance logs of a directory. */
export const readLogs = async (dir: string, files: FileSystem = nodeFiles): Promise<LogView> =>
  joinLogs(await readLogFiles(dir, files, { sizesOf: () => new Set<number>(), keys: null }))

/** The logs of a directory by boot. `sizesOf`: where the root over a boot's log is wanted. With `keys` they are authenticated. */
export async function readLogFiles(
  dir: string,
  files: FileSystem,
  { sizesOf, keys }: { readonly sizesOf: (boot: string) => ReadonlySet<number>; readonly keys: KeyEncryption | null },
): Promise<ReadonlyMap<string, LogContents>> {
  const logs = new Map<string, LogContents>()
  for (const boot of await bootFolders(dir, files)) {
    const inside = await files.readFolder(join(dir, boot))
    const log = isFileAmong(inside, LOG_NAME)
      ? await readLog(join(dir, boot), files, { sizes: sizesOf(boot), keys })
      : await readInstanceLog([])
    // A start that died before its log was made leaves a folder without log or recordings; that says nothing.
    if (log.header !== null || inside.some(isRecordingEntry)) logs.set(boot, log)
  }
  return logs
}

/** Reads the log of one boot's folder; without a file that is a damaged log, not an error. */
export async function readLog(
  folder: string,
  files: FileSystem = nodeFiles,
  { sizes, keys = null }: { readonly sizes?: ReadonlySet<number>; readonly keys?: KeyEncryption | null } = {},
): Promise<LogContents> {
  try {
    return await readInstanceLog(files.readPieces(join(folder, LOG_NAME)), sizes, keys)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause // the key could not be had
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return readInstanceLog([])
    throw unusable(folder, cause)
  }
}

/** The recordings in a directory by id. */
export async function recordingFiles(dir: string, files: FileSystem = nodeFiles): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (const boot of await bootFolders(dir, files)) {
    for (const entry of await files.readFolder(join(dir, boot))) {
      if (isRecordingEntry(entry)) found.set(recordingOf(entry.name), join(dir, boot, entry.name))
    }
  }
  return found
}

export const isRecordingFile = (name: string): boolean => name.endsWith(RECORDING_SUFFIX)

/** Nothing else than a file is one: a link could lead anywhere, and a pipe is never read to its end. */
export const isRecordingEntry = ({ name, isFile }: FolderEntry): boolean => isFile && isRecordingFile(name)

/** Whether a folder has a file of that name, and not a link, a pipe or a folder. */
export const isFileAmong = (inside: readonly FolderEntry[], wanted: string): boolean =>
  inside.some(({ name, isFile }) => isFile && name === wanted)

/** The id that a recording's file is named for. */
export const recordingOf = (file: string): string => basename(file, RECORDING_SUFFIX)

/**
 * Lists recordings, with those that only the logs know. Reads headers and logs; needs no key.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE.
 * @example
 * for (const { recording, header } of await listRecordings('./recordings')) console.log(recording, header?.session)
 */
export async function listRecordings(dir: string, files: FileSystem = nodeFiles): Promise<readonly RecordingSummary[]> {
  const [log, found] = [await readLogs(dir, files), await recordingFiles(dir, files)]
  const ids = [...new Set([...found.keys(), ...log.recordings.keys()])].sort()
  const summaries: RecordingSummary[] = []
  for (const recording of ids) {
    const file = found.get(recording) ?? null
    const known = log.recordings.get(recording)
    summaries.push({
      recording,
      file,
      header: file === null ? null : await readHeader(file, files),
      logged: known === undefined ? 'unknown' : (known.ended?.kind ?? 'open'),
    })
  }
  return summaries
}

async function readHeader(file: string, files: FileSystem): Promise<RecordingHeader | null> {
  for await (const piece of readPieces(files.readPieces(file), RECORDING_MAGIC)) {
    if (piece.kind !== 'header') return null
    try {
      return decodeRecordingHeader(piece.cbor)
    } catch (error) {
      if (error instanceof RecordingError) return null
      throw error
    }
  }
  return null
}
