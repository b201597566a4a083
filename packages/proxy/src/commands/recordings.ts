import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  type DirectoryVerdict,
  listRecordings,
  type RecordedEvent,
  type RecordingSummary,
  readRecording,
  renderReplay,
  type Verdict,
  verifyDirectory,
} from '@querywarden/recording'
import { KEY_FILE, readRecordingKey } from '../open-recorder.ts'
import { CommandError, EXIT } from './exit.ts'

/** Which recordings, and the key that opens them. */
export interface RecordingsOptions {
  readonly dir: string
  readonly keyFile?: string
}

/** The recordings of a directory, oldest first. */
export const listSessions = (dir: string): Promise<readonly RecordingSummary[]> => listRecordings(existing(dir))

/**
 * Finds a recording by its own id, its session's id, a beginning of either that no other has, or its file.
 * @throws {CommandError} there is none, or more than one.
 */
export async function findSession(dir: string, wanted: string): Promise<RecordingSummary & { readonly file: string }> {
  const all = await listSessions(dir)
  const exact = all.filter(
    ({ recording, header, file }) => recording === wanted || header?.session === wanted || file === wanted,
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
  return { ...found, file: found.file }
}

export const eventsOf = (options: RecordingsOptions, file: string): AsyncGenerator<RecordedEvent, void, undefined> =>
  readRecording(file, { kek: keyOf(options) })

/** A session's account as lines of text. */
export const replaySession = async (options: RecordingsOptions, file: string): Promise<readonly string[]> =>
  (await renderReplay(eventsOf(options, file))).trimEnd().split('\n')

/** The verdict on every recording of a directory, those that are gone included, and on its logs. Needs no key. */
export const verifySessions = (dir: string): Promise<DirectoryVerdict> => verifyDirectory(existing(dir), { keys: null })

/** What is wrong with an instance log in one line, or null. A torn end is what a crash leaves, and hides nothing. */
export function logLine({ boot, state }: DirectoryVerdict['logs'][number]): string | null {
  return state.kind === 'damaged'
    ? `${boot}  LOG DAMAGED at entry ${state.seq}: ${state.why}; recordings that only it knew could be gone`
    : null
}

/** A verdict in one line. */
export function verdictLine({ recording, verdict }: { readonly recording: string; readonly verdict: Verdict }): string {
  switch (verdict.kind) {
    case 'COMPLETE':
      return `${recording}  COMPLETE    ${verdict.frames} frames, ${verdict.bytes} bytes, closed: ${verdict.reason}${verdict.suspect ? '; its disk failed meanwhile' : ''}`
    case 'OPEN':
      return `${recording}  OPEN        ${verdict.frames} frames, not closed; ${verdict.anchoredFrames} of them vouched for`
    case 'TORN':
      return `${recording}  TORN        its writer died after ${verdict.frames} frames; ${verdict.recovered === null ? 'not sealed yet' : `sealed by boot ${verdict.recovered.boot}`}`
    case 'UNANCHORED':
      return `${recording}  UNANCHORED  nothing vouches for frames from ${verdict.since} on: ${verdict.why}`
    case 'TAMPERED':
      return `${recording}  TAMPERED    at frame ${verdict.firstBadSeq}: ${verdict.why}`
    case 'MISSING':
      return `${recording}  MISSING     its file is gone; the log knows ${verdict.lastFrames} frames of it`
  }
}

function keyOf({ dir, keyFile }: RecordingsOptions): Uint8Array {
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

function existing(dir: string): string {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return dir
  throw new CommandError(EXIT.misuse, `there is no recordings directory \`${dir}\`; name it with --dir`)
}
