import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { formatsFit, readFormatCodes, writeFormatCodes } from '../format-codes.ts'
import { FRONTEND } from '../tags.ts'

/** Bind: makes a portal of a prepared statement and its parameters. Manual 54.7. */
export interface Bind {
  /** The portal's name; empty for the unnamed one. */
  readonly portal: string
  /** The prepared statement's name; empty for the unnamed one. */
  readonly statement: string
  /** 0 text, 1 binary: none for all text, one for all, or one for each parameter. */
  readonly parameterFormats: readonly number[]
  readonly parameters: readonly (Uint8Array | null)[]
  /** 0 text, 1 binary: none for all text, one for all, or one for each result column. */
  readonly resultFormats: readonly number[]
}

/**
 * Reads the body of a Bind (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { portal, statement, parameters } = decodeBind(frame.body)
 */
export function decodeBind(body: Uint8Array): Bind {
  const reader = new Reader(body, 'Bind')
  const portal = reader.cstring()
  const statement = reader.cstring()
  const parameterFormats = readFormatCodes(reader)
  const count = reader.count(reader.uint16(), 4)
  if (!formatsFit(parameterFormats, count)) {
    throw reader.malformed(`has ${parameterFormats.length} formats for ${count} parameters`)
  }
  const parameters: (Uint8Array | null)[] = []
  for (let i = 0; i < count; i++) parameters.push(reader.nullableBytes())
  const resultFormats = readFormatCodes(reader)
  reader.end()
  return { portal, statement, parameterFormats, parameters, resultFormats }
}

/**
 * The frame of a Bind (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeBind({ portal: '', statement: 's1', parameterFormats: [], parameters: [value, null], resultFormats: [1] })
 */
export function encodeBind({ portal, statement, parameterFormats, parameters, resultFormats }: Bind): Uint8Array {
  if (!formatsFit(parameterFormats, parameters.length)) {
    throw new FrameError(
      'UNENCODABLE',
      `${parameterFormats.length} formats don't fit ${parameters.length} parameters, expected none, one or as many`,
    )
  }
  const writer = new Writer(FRONTEND.bind)
  writer.cstring(portal)
  writer.cstring(statement)
  writeFormatCodes(writer, parameterFormats)
  writer.uint16(parameters.length)
  for (const parameter of parameters) writer.nullableBytes(parameter)
  writeFormatCodes(writer, resultFormats)
  return writer.finish()
}
