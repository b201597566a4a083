import { FRONTEND } from '../tags.ts'
import { decodeNamedObject, encodeNamedObject, type NamedObject } from './named-object.ts'

/** Describe: asks what a prepared statement or a portal takes and gives. Manual 54.7. */
export type Describe = NamedObject

/**
 * Reads the body of a Describe (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { kind, name } = decodeDescribe(frame.body)
 */
export function decodeDescribe(body: Uint8Array): Describe {
  return decodeNamedObject(body, 'Describe')
}

/**
 * The frame of a Describe (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeDescribe({ kind: 'portal', name: '' })
 */
export function encodeDescribe(message: Describe): Uint8Array {
  return encodeNamedObject(FRONTEND.describe, message)
}
