import type { CopyFormat, DetectedMask } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MaskingError } from '../errors.ts'
import { copyMasker } from './copy-masker.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const DETECT: DetectedMask[] = [
  { detector: 'credit-card', mask: { kind: 'partial', first: 0, last: 4, fill: '*' } },
  { detector: 'email', mask: { kind: 'email' } },
  { detector: 'phone', mask: { kind: 'constant', value: 'a "quoted", \\ text' } },
  { detector: 'us-ssn', mask: { kind: 'null' } },
  { detector: 'badge', pattern: 'B-\\d{3}', mask: { kind: 'redact' } },
]
const masker = copyMasker(hashKey, { fieldBytesMax: 100_000 })

const delimiters = fc.constantFrom('\t', '|', ',', ';', '@', '-', 'X')
const formats: fc.Arbitrary<CopyFormat> = fc.oneof(
  fc.record({
    kind: fc.constant('text' as const),
    delimiter: delimiters,
    nullText: fc.constantFrom('\\N', '', 'nil'),
    hasHeader: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('csv' as const),
    delimiter: delimiters,
    nullText: fc.constantFrom('', 'nil'),
    quote: fc.constantFrom('"', "'", '%'),
    escape: fc.constantFrom('"', "'", '%', '\\'),
    hasHeader: fc.boolean(),
  }),
  fc.constant<CopyFormat>({ kind: 'binary' }),
)

const piece = fc.oneof(
  fc.constantFrom(
    '4111111111111111',
    'a@b.co',
    'quentin@example.com',
    '+14155550123',
    '123-45-6789',
    'B-123',
    '\\',
    '"',
    "'",
    '%',
    '\n',
    '\r',
    '\t',
    ',',
    '|',
    ' ',
    '{',
    '}',
    '<a>',
    '</a>',
    '\\u0040',
    'nil',
    '\\.',
    '\\N',
    'é',
    '漢',
  ),
  fc.string({ maxLength: 6 }),
)
const value = fc.array(piece, { maxLength: 6 }).map(pieces => pieces.join('').replaceAll('\0', ''))
const rows = fc
  .integer({ min: 1, max: 4 })
  .chain(columns => fc.array(fc.array(fc.option(value), { minLength: columns, maxLength: columns }), { maxLength: 6 }))
const cuts = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 40 })

const whole = (format: CopyFormat, data: Uint8Array): Buffer => {
  const copy = masker({ detect: DETECT }, format)
  return Buffer.concat([copy.push(data), copy.finish()])
}

function inPieces(format: CopyFormat, data: Uint8Array, sizes: readonly number[]): Buffer {
  const copy = masker({ detect: DETECT }, format)
  const out: Uint8Array[] = []
  for (let at = 0, index = 0; at < data.length; index++) {
    const end = at + (sizes[index % sizes.length] ?? 1)
    out.push(Buffer.from(copy.push(data.subarray(at, end))))
    at = end
  }
  return Buffer.concat([...out, copy.finish()])
}

test('any cutting of the data gives the same bytes', () => {
  fc.assert(
    fc.property(formats, rows, cuts, (format, table, sizes) => {
      const data = written(format, table)
      expect(inPieces(format, data, sizes)).toEqual(whole(format, data))
    }),
    { numRuns: 600 },
  )
})

test('what comes out has the same rows and columns, nothing more is found in it, and what had no find is untouched', () => {
  fc.assert(
    fc.property(formats, rows, (format, table) => {
      const data = written(format, table)
      const once = whole(format, data)
      expect(whole(format, once)).toEqual(once)
      const harmless = written(
        format,
        table.map(row => row.map(() => 'plain \\ "text", 12\n')),
      )
      expect(whole(format, harmless)).toEqual(harmless)
    }),
    { numRuns: 600 },
  )
})

test('T5: random bytes are passed on or refused, in any pieces alike', () => {
  fc.assert(
    fc.property(formats, fc.uint8Array({ maxLength: 60 }), cuts, (format, data, sizes) => {
      const attempt = (work: () => Buffer): Buffer | string => {
        try {
          return work()
        } catch (error) {
          if (error instanceof MaskingError) return error.code
          throw error
        }
      }
      expect(attempt(() => inPieces(format, data, sizes))).toEqual(attempt(() => whole(format, data)))
    }),
    { numRuns: 1_000 },
  )
})

/** The data of a table as the server writes it (src/backend/commands/copyto.c). */
function written(format: CopyFormat, table: readonly (readonly (string | null)[])[]): Buffer {
  if (format.kind === 'binary') return writtenBinary(table)
  const field = format.kind === 'text' ? textField(format) : csvField(format)
  return Buffer.from(table.map(row => `${row.map(field).join(format.delimiter)}\n`).join(''))
}

const LETTERS: Readonly<Record<string, string>> = { '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't', '\v': 'v' }

const textField =
  ({ delimiter, nullText }: Extract<CopyFormat, { kind: 'text' }>) =>
  (text: string | null): string =>
    text === null
      ? nullText
      : Array.from(text, sign => {
          const letter = LETTERS[sign]
          if (letter !== undefined) return `\\${letter}`
          return sign === '\\' || sign === delimiter ? `\\${sign}` : sign
        }).join('')

const csvField =
  ({ delimiter, nullText, quote, escape: escapeSign }: Extract<CopyFormat, { kind: 'csv' }>) =>
  (text: string | null): string => {
    if (text === null) return nullText
    const isQuoted =
      text === nullText || text === '\\.' || [delimiter, quote, '\n', '\r'].some(sign => text.includes(sign))
    if (!isQuoted) return text
    const inner = Array.from(text, sign => (sign === quote || sign === escapeSign ? escapeSign + sign : sign)).join('')
    return quote + inner + quote
  }

function writtenBinary(table: readonly (readonly (string | null)[])[]): Buffer {
  const int = (size: 2 | 4, number: number): Buffer => {
    const bytes = Buffer.alloc(size)
    bytes.writeIntBE(number, 0, size)
    return bytes
  }
  return Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1'),
    ...table.flatMap(row => [
      int(2, row.length),
      ...row.flatMap(text => (text === null ? [int(4, -1)] : [int(4, Buffer.byteLength(text)), Buffer.from(text)])),
    ]),
    int(2, -1),
  ])
}
