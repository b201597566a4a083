/** Why a credential was not accepted, or a configuration is unsound. Stable: additions only. */
export type IdentityErrorCode =
  | 'CONFIG_INVALID'
  | 'TOKEN_TOO_LARGE'
  | 'TOKEN_MALFORMED'
  | 'HEADER_REFUSED'
  | 'ALGORITHM_REFUSED'
  | 'UNKNOWN_ISSUER'
  | 'KEY_UNKNOWN'
  | 'KEYS_UNAVAILABLE'
  | 'BAD_SIGNATURE'
  | 'WRONG_AUDIENCE'
  | 'WRONG_TOKEN_TYPE'
  | 'WRONG_PARTY'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_NOT_YET_VALID'
  | 'BINDING_UNSUPPORTED'
  | 'CLAIM_INVALID'
  | 'UNKNOWN_TOKEN'
  | 'NOT_LOOPBACK'

/**
 * The one error of this package. Its message is fit for the client: it names what was expected, and nothing of what
 * the token held, because an unverified token is text from a stranger and a verified one is a secret.
 *
 * @example
 * ```ts
 * try {
 *   await verify({ kind: 'bearer', token, remoteAddress }, Date.now())
 * } catch (error) {
 *   if (error instanceof IdentityError) refuse(error.code, error.message)
 * }
 * ```
 */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly code: IdentityErrorCode

  constructor(code: IdentityErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
