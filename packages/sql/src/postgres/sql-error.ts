/** Why this package gave up; stable. */
export type SqlErrorCode =
  /** The server's major version has no grammar here. */
  | 'UNSUPPORTED_SERVER'
  /** A system table holds what it never should. */
  | 'MALFORMED_CATALOG'
  /** An option is out of its bounds. */
  | 'INVALID_LIMIT'

/** The one error class of this package. Statements never raise it: a text that can't be understood is opaque facts. */
export class SqlError extends Error {
  override readonly name = 'SqlError'
  readonly code: SqlErrorCode

  constructor(code: SqlErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
