import { FRONTEND } from '../tags.ts'
import { decodeNamedObject, encodeNamedObject, type NamedObject } from './named-object.ts'

/** Close: drops a prepared statement or a portal. */
export type Close = NamedObject

/**
 * @throws FrameError `MALFORMED`
 * @example
 * const { kind, name } = decodeClose(frame.body)
 */
export function decodeClose(body: Uint8Array): Close {
  return decodeNamedObject(body, 'Close')
}

/** @throws FrameError `UNENCODABLE` */
export function encodeClose(message: Close): Uint8Array {
  return encodeNamedObject(FRONTEND.close, message)
}
