import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { type Format, formatCode, formatOf, readFormat } from '../format.ts'
import { BACKEND } from '../tags.ts'

/** The start of a COPY stream: into the server, out of it, or both ways (replication). Manual 54.7. */
export interface CopyResponse {
  readonly format: Format
  /** The format of each column; all text where the whole is. */
  readonly columnFormats: readonly Format[]
}

/**
 * Reads the body of a CopyInResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { format } = decodeCopyInResponse(frame.body)
 */
export function decodeCopyInResponse(body: Uint8Array): CopyResponse {
  return decodeCopyResponse(body, 'CopyInResponse')
}

/**
 * Reads the body of a CopyOutResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { columnFormats } = decodeCopyOutResponse(frame.body)
 */
export function decodeCopyOutResponse(body: Uint8Array): CopyResponse {
  return decodeCopyResponse(body, 'CopyOutResponse')
}

/**
 * Reads the body of a CopyBothResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { format } = decodeCopyBothResponse(frame.body)
 */
export function decodeCopyBothResponse(body: Uint8Array): CopyResponse {
  return decodeCopyResponse(body, 'CopyBothResponse')
}

/**
 * The frame of a CopyInResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCopyInResponse({ format: 'text', columnFormats: ['text', 'text'] })
 */
export function encodeCopyInResponse(response: CopyResponse): Uint8Array {
  return encodeCopyResponse(BACKEND.copyInResponse, response)
}

/**
 * The frame of a CopyOutResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCopyOutResponse({ format: 'text', columnFormats: ['text', 'text'] })
 */
export function encodeCopyOutResponse(response: CopyResponse): Uint8Array {
  return encodeCopyResponse(BACKEND.copyOutResponse, response)
}

/**
 * The frame of a CopyBothResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCopyBothResponse({ format: 'text', columnFormats: [] })
 */
export function encodeCopyBothResponse(response: CopyResponse): Uint8Array {
  return encodeCopyResponse(BACKEND.copyBothResponse, response)
}

function decodeCopyResponse(body: Uint8Array, message: string): CopyResponse {
  const reader = new Reader(body, message)
  const code = reader.byte()
  if (code > 1) throw reader.malformed(`has format code ${code}, expected 0 or 1`)
  const format = formatOf(code)
  const count = reader.count(reader.int16(), 2)
  const columnFormats: Format[] = []
  for (let i = 0; i < count; i++) columnFormats.push(readFormat(reader))
  if (!columnsFit(format, columnFormats)) throw reader.malformed('has a binary column in a text stream')
  reader.end()
  return { format, columnFormats }
}

function encodeCopyResponse(tag: number, { format, columnFormats }: CopyResponse): Uint8Array {
  if (!columnsFit(format, columnFormats)) {
    throw new FrameError('UNENCODABLE', 'copy stream in text has a binary column, expected text for all')
  }
  const writer = new Writer(tag, 3 + columnFormats.length * 2)
  writer.byte(formatCode(format))
  writer.count16(columnFormats.length)
  for (const columnFormat of columnFormats) writer.int16(formatCode(columnFormat))
  return writer.finish()
}

/** Manual 54.7: all columns must be text where the overall format is. */
function columnsFit(format: Format, columnFormats: readonly Format[]): boolean {
  return format === 'binary' || columnFormats.every(columnFormat => columnFormat === 'text')
}
