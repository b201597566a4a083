import { FrameError } from '../bytes/frame-error.ts'
import type { Reader } from '../bytes/reader.ts'
import type { Writer } from '../bytes/writer.ts'
import { readFormatCode } from './format.ts'

/** Reads a count and that many format codes. */
export function readFormatCodes(reader: Reader): number[] {
  const count = reader.count(reader.uint16(), 2)
  const codes: number[] = []
  for (let i = 0; i < count; i++) codes.push(readFormatCode(reader))
  return codes
}

export function writeFormatCodes(writer: Writer, codes: readonly number[]): void {
  writer.uint16(codes.length)
  for (const code of codes) {
    if (code !== 0 && code !== 1) throw new FrameError('UNENCODABLE', `format code ${code} is not 0 or 1`, { code })
    writer.int16(code)
  }
}

/** None means text for all, one is for all, else each value has its own (manual 54.7, Bind). */
export function formatsFit(codes: readonly number[], values: number): boolean {
  return codes.length <= 1 || codes.length === values
}
