import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** ParameterStatus: the value of a setting that clients are told about. Manual 54.7. */
export interface ParameterStatus {
  readonly name: string
  readonly value: string
}

/**
 * Reads the body of a ParameterStatus (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { name, value } = decodeParameterStatus(frame.body)
 */
export function decodeParameterStatus(body: Uint8Array): ParameterStatus {
  const reader = new Reader(body, 'ParameterStatus')
  const name = reader.cstring()
  const value = reader.cstring()
  reader.end()
  return { name, value }
}

/**
 * The frame of a ParameterStatus (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeParameterStatus({ name: 'TimeZone', value: 'UTC' })
 */
export function encodeParameterStatus({ name, value }: ParameterStatus): Uint8Array {
  const writer = new Writer(BACKEND.parameterStatus)
  writer.cstring(name)
  writer.cstring(value)
  return writer.finish()
}
