import {
  type DirectoryVerdict,
  listRecordings,
  type RecordingSummary,
  type Verdict,
  verifyDirectory,
} from '@querywarden/recording'
import { existingDir } from './reading.ts'

/** The recordings of a directory, oldest first. */
export const listSessions = (dir: string): Promise<readonly RecordingSummary[]> => listRecordings(existingDir(dir))

/** The verdict on every recording of a directory, those that are gone included, and on its logs. Needs no key. */
export const verifySessions = (dir: string): Promise<DirectoryVerdict> =>
  verifyDirectory(existingDir(dir), { keys: null })

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
      return verdict.retired === null
        ? `${recording}  MISSING     its file is gone; the log knows ${verdict.lastFrames} frames of it`
        : `${recording}  RETIRED     removed on ${new Date(verdict.retired.at).toISOString()}: ${verdict.retired.why}`
  }
}
