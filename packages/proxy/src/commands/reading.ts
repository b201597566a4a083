import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Access,
  type AccessLog,
  listRecordings,
  openAccessLog,
  parseTime,
  RecordingError,
  type RecordingSummary,
} from '@querywarden/recording'
import { uuidv7 } from 'uuidv7'
import { KEY_FILE, readRecordingKey } from '../open-recorder.ts'
import { CommandError, EXIT } from './exit.ts'

/** Which recordings, the key that opens them, and who looks. */
export interface ReadingOptions {
  readonly dir: string
  readonly keyFile?: string
  /** What the one at the terminal says who they are; the system's user is noted in any case. */
  readonly as?: string
}

/** What is going to be read, for the log. */
export interface Purpose {
  readonly action: Extract<Access, { kind: 'access' }>['action']
  /** Null where it is about all of them. */
  readonly recording: string | null
  /** What was asked for. */
  readonly detail: string
}

/** Whoever runs this, by the system's account and their own word. */
export const whoReads = ({ as }: Pick<ReadingOptions, 'as'>): string =>
  `${userInfo().username}@${hostname()}${as === undefined ? '' : ` as ${as}`}`

/**
 * Reads recordings, after it is on the disk that somebody does. What can't be written down isn't read.
 * @throws {CommandError} the directory isn't there, the key can't be read, or the access can't be written down.
 */
export async function noted<T>(
  options: ReadingOptions,
  purpose: Purpose,
  read: (kek: Uint8Array, log: AccessLog) => Promise<T>,
): Promise<T> {
  const kek = keyOf(options)
  const log = await accessLog(options.dir, kek, { kind: 'access', who: whoReads(options), ...purpose })
  try {
    return await read(kek, log)
  } finally {
    await log.close()
  }
}

/** The log of this command, with its first entry on the disk. */
export async function accessLog(dir: string, kek: Uint8Array, first: Access): Promise<AccessLog> {
  try {
    const log = await openAccessLog({
      dir: existingDir(dir),
      kek,
      clock: { now: () => Date.now(), monotonic: () => performance.now() },
      sleep: ms => sleep(ms, undefined, { ref: false }),
      randomBytes,
      newId: uuidv7,
      instance: hostname(),
    })
    await log.note(first)
    return log
  } catch (error) {
    if (!(error instanceof RecordingError)) throw error
    throw new CommandError(
      EXIT.misuse,
      `it can't be written down that recordings are read, so they aren't: ${error.message}; or copy the directory to where you may write, and name it with --dir`,
    )
  }
}

/**
 * The key of a directory's recordings.
 * @throws {CommandError} it can't be read, or is none.
 */
export function keyOf({ dir, keyFile }: Pick<ReadingOptions, 'dir' | 'keyFile'>): Uint8Array {
  const file = keyFile ?? join(dir, KEY_FILE)
  try {
    return readRecordingKey(readFileSync(file, 'utf8'))
  } catch {
    throw new CommandError(
      EXIT.misuse,
      `the key of the recordings can't be read from \`${file}\`; name it with --key-file`,
    )
  }
}

/** @throws {CommandError} there is no such directory. */
export function existingDir(dir: string): string {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return dir
  throw new CommandError(EXIT.misuse, `there is no recordings directory \`${dir}\`; name it with --dir`)
}

/** A recording whose file is there, and the directory that it belongs to. */
export type FoundSession = RecordingSummary & { readonly file: string; readonly dir: string }

/**
 * Finds a recording by its own id, its session's id, a beginning of either that no other has, or its file. A file may be
 * in a recordings directory other than the one named: then it is read, and the reading noted, there.
 * @throws {CommandError} there is none, or more than one.
 */
export async function findSession(named: string, wanted: string): Promise<FoundSession> {
  const dir = dirOfFile(wanted) ?? named
  const all = await listRecordings(existingDir(dir))
  const exact = all.filter(
    ({ recording, header, file }) =>
      recording === wanted || header?.session === wanted || (file !== null && resolve(file) === resolve(wanted)),
  )
  const near = all.filter(
    ({ recording, header }) => recording.startsWith(wanted) || header?.session.startsWith(wanted) === true,
  )
  const [found, another] = exact.length > 0 ? exact : near
  if (found === undefined)
    throw new CommandError(
      EXIT.misuse,
      `no recording in \`${dir}\` has the id \`${wanted}\`; list them with: querywarden sessions list`,
    )
  if (another !== undefined) throw new CommandError(EXIT.misuse, `more than one recording begins with \`${wanted}\``)
  if (found.file === null)
    throw new CommandError(
      EXIT.finding,
      `recording \`${found.recording}\` is gone: the instance log knows it, its file is missing`,
    )
  return { ...found, file: found.file, dir }
}

/** The recordings directory that a recording's file is in, or null where it isn't the file of one. */
function dirOfFile(wanted: string): string | null {
  const folder = dirname(resolve(wanted))
  return existsSync(wanted) && existsSync(join(folder, 'instance.log')) ? dirname(folder) : null
}

/**
 * A time as an option has it, in milliseconds since 1970; null where it wasn't given.
 * @throws {CommandError} it is none.
 */
export function timeOption(name: string, text: string | undefined): number | null {
  if (text === undefined) return null
  const at = parseTime(text)
  if (at !== null) return at
  throw new CommandError(EXIT.misuse, `${name} is no time; expected one such as 2027-03-01 or 2027-03-01T09:30:00Z`)
}
