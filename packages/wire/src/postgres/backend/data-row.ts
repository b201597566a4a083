import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** DataRow: one row of a result. Manual 54.7. */
export interface DataRow {
  /** A value's bytes in its column's format, or null for NULL. Decoded values are views of the body. */
  readonly values: readonly (Uint8Array | null)[]
}

/**
 * Reads the body of a DataRow (manual 54.7).
 *
 * @throws FrameError `MALFORMED`, also for a negative length that isn't NULL's (CVE-2026-32286)
 * @example
 * const { values } = decodeDataRow(frame.body)
 */
export function decodeDataRow(body: Uint8Array): DataRow {
  const reader = new Reader(body, 'DataRow')
  const count = reader.count(reader.int16(), 4)
  const values: (Uint8Array | null)[] = []
  for (let i = 0; i < count; i++) values.push(reader.nullableBytes())
  reader.end()
  return { values }
}

/**
 * The frame of a DataRow (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeDataRow({ values: [utf8('42'), null] })
 */
export function encodeDataRow({ values }: DataRow): Uint8Array {
  const writer = new Writer(BACKEND.dataRow, 2 + values.length * 24)
  writer.count16(values.length)
  for (const value of values) writer.nullableBytes(value)
  return writer.finish()
}
