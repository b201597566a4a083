import { FrameError } from '../bytes/frame-error.ts'

/**
 * Decodes a message that has no body (manual 54.7), such as Sync or ParseComplete: asserts that none came.
 *
 * @throws FrameError `MALFORMED`
 * @example
 * case FRONTEND.sync: decodeEmpty(frame.body); return endBatch()
 */
export function decodeEmpty(body: Uint8Array): void {
  if (body.byteLength === 0) return
  throw new FrameError('MALFORMED', `message without a body has one of ${body.byteLength} bytes`, {
    bytes: body.byteLength,
  })
}

/** The message of that kind, which has no body. */
export function decodeEmptyAs<Kind extends string>(kind: Kind, body: Uint8Array): { readonly kind: Kind } {
  decodeEmpty(body)
  return { kind }
}

/** The frame of a message that has no body. */
export function emptyFrame(tag: number): Uint8Array {
  return Uint8Array.of(tag, 0, 0, 0, 4)
}
