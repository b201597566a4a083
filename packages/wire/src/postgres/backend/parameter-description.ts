import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** ParameterDescription: the parameters that a prepared statement takes. Manual 54.7. */
export interface ParameterDescription {
  /** A type OID for each. */
  readonly types: readonly number[]
}

/**
 * Reads the body of a ParameterDescription (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { types } = decodeParameterDescription(frame.body)
 */
export function decodeParameterDescription(body: Uint8Array): ParameterDescription {
  const reader = new Reader(body, 'ParameterDescription')
  // A statement may have 65 535 parameters, so what the manual calls Int16 is unsigned.
  const count = reader.count(reader.uint16(), 4)
  const types: number[] = []
  for (let i = 0; i < count; i++) types.push(reader.uint32())
  reader.end()
  return { types }
}

/**
 * The frame of a ParameterDescription (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeParameterDescription({ types: [23, 25] })
 */
export function encodeParameterDescription({ types }: ParameterDescription): Uint8Array {
  const writer = new Writer(BACKEND.parameterDescription, 2 + types.length * 4)
  writer.uint16(types.length)
  for (const oid of types) writer.uint32(oid)
  return writer.finish()
}
