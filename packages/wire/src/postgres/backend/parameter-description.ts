import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** ParameterDescription: the parameters that a prepared statement takes. */
export interface ParameterDescription {
  /** A type OID for each. */
  readonly types: readonly number[]
}

/**
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

/** @throws FrameError `UNENCODABLE` */
export function encodeParameterDescription({ types }: ParameterDescription): Uint8Array {
  const writer = new Writer(BACKEND.parameterDescription, 2 + types.length * 4)
  writer.uint16(types.length)
  for (const oid of types) writer.uint32(oid)
  return writer.finish()
}
