import type { Reader } from '../bytes/reader.ts'

/** The form of a value on the wire. Format code 0 is text, 1 is binary. Manual 54.7. */
export type Format = 'text' | 'binary'

/** Reads an Int16 format code; only 0 and 1 exist (manual 54.7). */
export function readFormatCode(reader: Reader): number {
  const code = reader.int16()
  if (code !== 0 && code !== 1) throw reader.malformed(`has format code ${code}, expected 0 or 1`)
  return code
}

export function readFormat(reader: Reader): Format {
  return formatOf(readFormatCode(reader))
}

/** The name of a code that was checked. */
export function formatOf(code: number): Format {
  return code === 0 ? 'text' : 'binary'
}

export function formatCode(format: Format): number {
  switch (format) {
    case 'text':
      return 0
    case 'binary':
      return 1
  }
}
