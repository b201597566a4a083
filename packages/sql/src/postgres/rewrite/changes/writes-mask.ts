import type { Refusal } from '@querywarden/policy-core'

/**
 * What a guarded statement has the server fail to make a boolean of, where it would write a mask over the value that the
 * mask stands for. It holds no value.
 */
export const WRITES_MASK_MARKER = 'querywarden: this would write a mask over the value behind it'

/** What a server's error says of itself. */
export interface ServerError {
  /** SQLSTATE. */
  readonly code?: string | undefined
  readonly message?: string | undefined
}

/** invalid_text_representation (manual, appendix A). */
const INVALID_TEXT = '22P02'

/**
 * The refusal that a server's error stands for: a statement that was cleared would have written a mask over the value that
 * it stands for, which only the row itself tells. Null for any other error. Nothing of the statement was done.
 *
 * @example
 * try { await client.query(cleared.statement.text) } catch (error) {
 *   const refusal = refusalOfWrite(error)          // of the driver: `code` and `message`
 *   throw refusal === null ? error : new Forbidden(refusal)
 * }
 */
export const refusalOfWrite = ({ code, message }: ServerError): Refusal | null =>
  code === INVALID_TEXT && message?.includes(`"${WRITES_MASK_MARKER}"`) === true ? WRITES_MASK : null

const WRITES_MASK: Refusal = {
  code: 'WRITES_MASK',
  rule: null,
  message:
    'statement refused: a value for a masked column is just what the mask shows, and would take the place of the real one',
  hint: 'send only the columns that were changed; nothing was written',
  place: null,
  request: null,
}
