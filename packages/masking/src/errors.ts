/** Why masking could not go on. Stable: additions only. */
export type MaskingErrorCode =
  | 'KEY_TOO_SHORT'
  | 'BAD_PATTERN'
  | 'BAD_CANARY'
  | 'BAD_COLUMN'
  | 'MALFORMED_ROW'
  | 'ROW_TOO_LARGE'
  | 'MALFORMED_COPY'
  | 'FIELD_TOO_LARGE'
  | 'BAD_ROW'

/**
 * The one error of this package. A mask never throws for a value; these are for wrong configuration (`KEY_TOO_SHORT`,
 * `BAD_PATTERN`, `BAD_COLUMN`), for values that are no rows (`BAD_ROW`), and for bytes that are not the rows or the COPY data they claim to be (`MALFORMED_ROW`,
 * `ROW_TOO_LARGE`, `MALFORMED_COPY`, `FIELD_TOO_LARGE`), upon which the session must end.
 *
 * @example
 * ```ts
 * try {
 *   masker.mask(bytes, 0, bytes.length, target)
 * } catch (error) {
 *   if (error instanceof MaskingError) closeSession(error.code)
 * }
 * ```
 */
export class MaskingError extends Error {
  override readonly name = 'MaskingError'
  readonly code: MaskingErrorCode

  constructor(code: MaskingErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
