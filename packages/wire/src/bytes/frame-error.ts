/**
 * Why bytes were refused.
 *
 * - `TOO_LARGE`: a declared length exceeds its limit; nothing was allocated for it.
 * - `TOO_SMALL`: a declared length is less than its own four bytes.
 * - `MALFORMED`: a body isn't exactly one message of its kind, or bytes came where none may.
 * - `UNKNOWN_TAG`: a tag that this direction or phase of the protocol doesn't have.
 * - `UNSUPPORTED_VERSION`: a start-up packet of a protocol that isn't 3.x.
 * - `UNENCODABLE`: a value that no message can carry; nothing was written.
 */
export type FrameErrorCode =
  | 'TOO_LARGE'
  | 'TOO_SMALL'
  | 'MALFORMED'
  | 'UNKNOWN_TAG'
  | 'UNSUPPORTED_VERSION'
  | 'UNENCODABLE'

/** Numbers behind a refusal: lengths, limits and tags, never content. */
export type FrameErrorDetails = Readonly<Record<string, number>>

/**
 * Bytes that can't be a message, or a value that can't become one. The message never holds what the bytes said.
 * A connection whose bytes were refused can't be resynchronised: close it.
 *
 * @example
 * try { decodeQuery(frame.body) } catch (error) { if (error instanceof FrameError) link.close(error.code) }
 */
export class FrameError extends Error {
  override readonly name = 'FrameError'
  readonly code: FrameErrorCode
  readonly details: FrameErrorDetails

  constructor(code: FrameErrorCode, message: string, details: FrameErrorDetails = {}) {
    super(message)
    this.code = code
    this.details = details
  }
}
