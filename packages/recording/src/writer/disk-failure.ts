import { RecordingError } from '../errors.ts'

/** What to tell a person when recordings can't be written. */
export function diskFailure(what: {
  readonly code: 'WRITE_FAILED' | 'SYNC_FAILED'
  /** `writing the recording in`. */
  readonly doing: string
  readonly place: string
  readonly cause: unknown
}): RecordingError {
  const { code, doing, place, cause } = what
  const system = systemCode(cause)
  if (system === 'ENOSPC' || system === 'EDQUOT') {
    return new RecordingError(
      'DISK_FULL',
      `no space left for recordings in ${place}: the session can't go on unrecorded; free space there`,
      { cause },
    )
  }
  return new RecordingError(
    code,
    `${doing} ${place} failed (${system}): it is suspect from here on and the session can't go on; check that disk`,
    { cause },
  )
}

/** The system's name for an error, such as ENOSPC; of one of ours that of its cause. */
export function systemCode(error: unknown): string {
  if (error instanceof RecordingError && error.cause !== undefined) return systemCode(error.cause)
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error'
}
