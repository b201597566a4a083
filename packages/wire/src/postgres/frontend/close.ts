import { FRONTEND } from '../tags.ts'
import { decodeNamedObject, encodeNamedObject, type NamedObject } from './named-object.ts'

/** Close: drops a prepared statement or a portal. Manual 54.7. */
export type Close = NamedObject

/**
 * Reads the body of a Close (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { kind, name } = decodeClose(frame.body)
 */
export function decodeClose(body: Uint8Array): Close {
  return decodeNamedObject(body, 'Close')
}

/**
 * The frame of a Close (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeClose({ kind: 'statement', name: 's1' })
 */
export function encodeClose(message: Close): Uint8Array {
  return encodeNamedObject(FRONTEND.close, message)
}
