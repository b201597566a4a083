import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { type Format, formatCode, readFormat } from '../format.ts'
import { formatsFit, readFormatCodes, writeFormatCodes } from '../format-codes.ts'
import { FRONTEND } from '../tags.ts'

/** FunctionCall: calls a function by its OID, past every statement. Manual 54.7. */
export interface FunctionCall {
  readonly functionOid: number
  /** 0 text, 1 binary: none for all text, one for all, or one for each argument. */
  readonly argumentFormats: readonly number[]
  readonly arguments: readonly (Uint8Array | null)[]
  readonly resultFormat: Format
}

/**
 * Reads the body of a FunctionCall (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { functionOid } = decodeFunctionCall(frame.body)
 */
export function decodeFunctionCall(body: Uint8Array): FunctionCall {
  const reader = new Reader(body, 'FunctionCall')
  const functionOid = reader.uint32()
  const argumentFormats = readFormatCodes(reader)
  const count = reader.count(reader.uint16(), 4)
  if (!formatsFit(argumentFormats, count)) {
    throw reader.malformed(`has ${argumentFormats.length} formats for ${count} arguments`)
  }
  const values: (Uint8Array | null)[] = []
  for (let i = 0; i < count; i++) values.push(reader.nullableBytes())
  const resultFormat = readFormat(reader)
  reader.end()
  return { functionOid, argumentFormats, arguments: values, resultFormat }
}

/**
 * The frame of a FunctionCall (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeFunctionCall({ functionOid: 1598, argumentFormats: [], arguments: [], resultFormat: 'text' })
 */
export function encodeFunctionCall(call: FunctionCall): Uint8Array {
  if (!formatsFit(call.argumentFormats, call.arguments.length)) {
    throw new FrameError('UNENCODABLE', 'formats of a function call fit none, all or each of its arguments')
  }
  const writer = new Writer(FRONTEND.functionCall)
  writer.uint32(call.functionOid)
  writeFormatCodes(writer, call.argumentFormats)
  writer.uint16(call.arguments.length)
  for (const value of call.arguments) writer.nullableBytes(value)
  writer.int16(formatCode(call.resultFormat))
  return writer.finish()
}
