import { FRONTEND } from '../tags.ts'
import { decodeNamedObject, encodeNamedObject, type NamedObject } from './named-object.ts'

/** Describe: asks what a prepared statement or a portal takes and gives. */
export type Describe = NamedObject

/**
 * @throws FrameError `MALFORMED`
 * @example
 * const { kind, name } = decodeDescribe(frame.body)
 */
export function decodeDescribe(body: Uint8Array): Describe {
  return decodeNamedObject(body, 'Describe')
}

/** @throws FrameError `UNENCODABLE` */
export function encodeDescribe(message: Describe): Uint8Array {
  return encodeNamedObject(FRONTEND.describe, message)
}
