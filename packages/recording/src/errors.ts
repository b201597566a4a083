/** Why a recording can't be written or read, for programs. Stable: additions only. */
export type RecordingErrorCode =
  | 'BAD_OPTIONS'
  | 'DIRECTORY_UNUSABLE'
  | 'LOW_SPACE'
  | 'DISK_FULL'
  | 'WRITE_FAILED'
  | 'SYNC_FAILED'
  | 'DISK_SLOW'
  | 'QUOTA_EXCEEDED'
  | 'TOO_LARGE'
  | 'CLOSED'
  | 'WRONG_KEY'
  | 'MALFORMED'
  | 'FORGED'
  | 'SIGNING_FAILED'
  | 'ANCHOR_FAILED'
  | 'ANCHOR_BEHIND'
  | 'STORE_UNREACHABLE'
  | 'STORE_REFUSED'
  | 'STORE_CONFLICT'

/** The one error of this package. Its message never holds a literal, a parameter or a key. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError'
  readonly code: RecordingErrorCode
  constructor(code: RecordingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
