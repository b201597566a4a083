/** Why a development server could not be started or used. */
export type ServerErrorCode = 'UNSUPPORTED_PLATFORM' | 'NOT_INSTALLED' | 'START_FAILED' | 'NO_TOKEN' | 'INVALID_OPTION'

/** The one error of this package. The message of `START_FAILED` ends with the last lines of the server's own log. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: ServerErrorCode
  constructor(code: ServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
