import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { type Format, formatCode, readFormat } from '../format.ts'
import { BACKEND } from '../tags.ts'

/** A column of a result. Manual 54.7. */
export interface FieldDescription {
  readonly name: string
  /** The relation and the column it comes from, or 0 where the server can't say. System columns are negative. */
  readonly tableOid: number
  readonly attnum: number
  readonly typeOid: number
  /** `pg_type.typlen`: bytes, or negative for a type of varying length. */
  readonly typeSize: number
  /** `pg_attribute.atttypmod`. */
  readonly typmod: number
  /** Text where a statement was described that has no portal yet. */
  readonly format: Format
}

/** RowDescription: the columns of the rows that follow. Manual 54.7. */
export interface RowDescription {
  readonly fields: readonly FieldDescription[]
}

// A name's terminator and the six numbers after it.
const FIELD_BYTES_MIN = 19

/**
 * Reads the body of a RowDescription (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const names = decodeRowDescription(frame.body).fields.map(field => field.name)
 */
export function decodeRowDescription(body: Uint8Array): RowDescription {
  const reader = new Reader(body, 'RowDescription')
  const count = reader.count(reader.int16(), FIELD_BYTES_MIN)
  const fields: FieldDescription[] = []
  for (let i = 0; i < count; i++) {
    fields.push({
      name: reader.cstring(),
      tableOid: reader.uint32(),
      attnum: reader.int16(),
      typeOid: reader.uint32(),
      typeSize: reader.int16(),
      typmod: reader.int32(),
      format: readFormat(reader),
    })
  }
  reader.end()
  return { fields }
}

/**
 * The frame of a RowDescription (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * const id = { name: 'id', tableOid: 0, attnum: 0, typeOid: 23, typeSize: 4, typmod: -1, format: 'text' } as const
 * encodeRowDescription({ fields: [id] })
 */
export function encodeRowDescription({ fields }: RowDescription): Uint8Array {
  const writer = new Writer(BACKEND.rowDescription, 2 + fields.length * (FIELD_BYTES_MIN + 16))
  writer.count16(fields.length)
  for (const field of fields) {
    writer.cstring(field.name)
    writer.uint32(field.tableOid)
    writer.int16(field.attnum)
    writer.uint32(field.typeOid)
    writer.int16(field.typeSize)
    writer.int32(field.typmod)
    writer.int16(formatCode(field.format))
  }
  return writer.finish()
}
