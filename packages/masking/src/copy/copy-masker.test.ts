import type { CopyFormat, DetectedMask, ResultColumn } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { MaskingError } from '../errors.ts'
import { copyMasker } from './copy-masker.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const DETECT: DetectedMask[] = [
  { detector: 'credit-card', mask: { kind: 'redact' } },
  { detector: 'email', mask: { kind: 'email' } },
]
const TEXT: CopyFormat = { kind: 'text', delimiter: '\t', nullText: '\\N', hasHeader: false }
const CSV: CopyFormat = { kind: 'csv', delimiter: ',', nullText: '', quote: '"', escape: '"', hasHeader: false }
const CARD = '4111111111111111'
const column = (typeOid: number): ResultColumn => ({
  name: 'c',
  tableOid: 0,
  attnum: 0,
  typeOid,
  typmod: -1,
  format: 'text',
})

const shown = (
  format: CopyFormat,
  data: string,
  {
    detect = DETECT,
    columns,
    fieldBytesMax = 1_000,
  }: { detect?: DetectedMask[]; columns?: ResultColumn[]; fieldBytesMax?: number } = {},
): string => {
  const copy = copyMasker(hashKey, { fieldBytesMax })({ detect }, format, columns)
  return Buffer.concat([copy.push(Buffer.from(data)), copy.finish()]).toString()
}

describe('P9: text', () => {
  test.each<[string, string, CopyFormat?]>([
    ['1\ta@b.co\t\\N\n', '1\t***@b.co\t\\N\n'],
    [`a\\nb ${CARD}\\\\x\t${CARD}\n`, 'a\\nb [redacted]\\\\x\t[redacted]\n'],
    ['{"a":"quentin\\\\u0040example.com \\\\"x"}\n', '{"a":"q***@example.com"}\n'.replace('.com"', '.com \\\\"x"')],
    [`{${CARD},x}\n`, '{"[redacted]",x}\n'],
    [`<a>${CARD} &amp; b</a>\n`, '<a>[redacted] &amp; b</a>\n'],
    ['\n', '\n'],
    ['', ''],
    [`a\\|b|${CARD}|NULL\n`, 'a\\|b|[redacted]|NULL\n', { ...TEXT, delimiter: '|', nullText: 'NULL' }],
    [`${CARD}\n${CARD}\n`, `${CARD}\n[redacted]\n`, { ...TEXT, hasHeader: true }],
    ['quentin\\@example.com@x\n', 'q***\\@example.com@x\n', { ...TEXT, delimiter: '@' }],
  ])('%j', (data, expected, format = TEXT) => {
    expect(shown(format, data)).toBe(expected)
  })
})

describe('P9: CSV', () => {
  test.each<[string, string, CopyFormat?]>([
    ['1,a@b.co,,""\n', '1,***@b.co,,""\n'],
    [`"a ""x"", ${CARD}\n",${CARD}\n`, '"a ""x"", [redacted]\n",[redacted]\n'],
    [`"${CARD}",a\n`, '"[redacted]",a\n'],
    [
      `'a \\'x\\' ${CARD}\\\\';b\n`,
      `'a \\'x\\' [redacted]\\\\';b\n`,
      { ...CSV, quote: "'", escape: '\\', delimiter: ';' },
    ],
    [`${CARD}\n${CARD}\n`, `${CARD}\n[redacted]\n`, { ...CSV, hasHeader: true }],
    [`a@b.co,1\n`, '"***@b.co",1\n', { ...CSV, nullText: '***@b.co' }],
    ['"{""a"": ""quentin\\u0040example.com""}"\n', '"{""a"": ""q***@example.com""}"\n'],
  ])('%j', (data, expected, format = CSV) => {
    expect(shown(format, data)).toBe(expected)
  })

  test('what a mask brings in is quoted, and NULL is written as it was asked for', () => {
    const constant: DetectedMask[] = [{ detector: 'email', mask: { kind: 'constant', value: 'a "b", c' } }]
    expect(shown(CSV, 'a@b.co,1\n', { detect: constant })).toBe('"a ""b"", c",1\n')
    expect(
      shown({ ...CSV, nullText: '-' }, 'a@b.co,1\n', { detect: [{ detector: 'email', mask: { kind: 'null' } }] }),
    ).toBe('-,1\n')
    expect(shown(TEXT, 'a@b.co\t1\n', { detect: [{ detector: 'email', mask: { kind: 'null' } }] })).toBe('\\N\t1\n')
  })
})

describe('where the columns are known', () => {
  test('fields are masked as cells of them: a number stays one, and JSON stays JSON', () => {
    const columns = [column(20), column(25), column(114)]
    expect(shown(TEXT, `${CARD}\t${CARD}\t${CARD}\n`, { columns })).toBe(`${CARD}\t[redacted]\t"[redacted]"\n`)
    expect(shown(CSV, `${CARD},${CARD},${CARD}\n`, { columns })).toBe(`${CARD},[redacted],"""[redacted]"""\n`)
  })
  test('fields that are let pass may be of any size', () => {
    expect(
      shown(TEXT, `${'1'.repeat(50)}\ta\n`, { columns: [column(1700), column(25)], fieldBytesMax: 10 }),
    ).toHaveLength(53)
  })
  test('rows of another length are refused', () => {
    for (const data of ['a\n', 'a\tb\tc\n']) {
      expect(() => shown(TEXT, data, { columns: [column(25), column(25)] })).toThrow(MaskingError)
    }
  })
  test('rows without columns are empty lines', () => {
    expect(shown(TEXT, '\n\n', { columns: [] })).toBe('\n\n')
  })
})

describe('what is no data of the format is refused', () => {
  test.each<[string, CopyFormat, string]>([
    ['an unknown escape', TEXT, 'a\\x41\n'],
    ['an end in the middle of a row', TEXT, 'a\tb'],
    ['an end behind a delimiter', TEXT, 'a\t'],
    ['text behind a closing quote', CSV, '"a"b\n'],
    ['a quote within', CSV, 'a"b\n'],
    ['quotes that stay open', CSV, '"a\n'],
    ['another header', { kind: 'binary' }, 'PGCOPY\n?\r\n\0\0\0\0\0\0\0\0\0'],
    ['no trailer', { kind: 'binary' }, ''],
  ])('%s', (_, format, data) => {
    expect(() => shown(format, data)).toThrow(/malformed COPY data/)
  })

  test.each<[CopyFormat]>([[TEXT], [CSV]])('a field beyond the limit, in one piece or many: $kind', format => {
    const copy = copyMasker(hashKey, { fieldBytesMax: 100 })({ detect: DETECT }, format)
    expect(() => {
      for (let piece = 0; piece < 11; piece++) copy.push(Buffer.alloc(10, 0x61))
    }).toThrow('a field of 110 bytes or more in COPY data exceeds the limit of 100')
  })
})
