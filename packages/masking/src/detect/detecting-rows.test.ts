import type { Cell, DetectedMask, ResultColumn } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { detectingRows } from './detecting-rows.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const REDACT: DetectedMask[] = [
  { detector: 'credit-card', mask: { kind: 'redact' } },
  { detector: 'email', mask: { kind: 'email' } },
]
const column = (typeOid: number, format: 'text' | 'binary' = 'text', typmod = -1): ResultColumn => ({
  name: 'c',
  tableOid: 0,
  attnum: 0,
  typeOid,
  typmod,
  format,
})

const shown = (cell: Cell, type: ResultColumn, detect = REDACT): Cell => {
  const cells = [cell]
  detectingRows(hashKey)({ detect }, [type])?.(cells)
  return cells[0] ?? null
}
const utf8 = (cell: Cell): string | null => (cell === null ? null : Buffer.from(cell).toString('utf8'))
const CARD = '4111111111111111'

describe('only the find is replaced', () => {
  test.each([
    ['text', 25, `card ${CARD} of quentin@example.com, thanks`, 'card [redacted] of q***@example.com, thanks'],
    ['varchar(20)', 1043, `${CARD} 1234`, '[redacted] 1234', 24],
    ['varchar(8)', 1043, 'a@b.co', '***@b.co', 12],
    ['char(24)', 1042, `${CARD}        `, '[redacted]              ', 28],
    ['name', 19, CARD, '[redacted]'],
    ['unknown', 705, CARD, '[redacted]'],
    [
      'json',
      114,
      `{"${CARD}": [${CARD}, "a \\u0034111111111111111", 12, true]}`,
      '{"[redacted]": ["[redacted]", "a [redacted]", 12, true]}',
    ],
    ['json with an escaped at sign', 114, '"quentin\\u0040example.com \\"é\\""', '"q***@example.com \\"é\\""'],
    ['jsonb', 3802, `{"n": ${CARD}}`, '{"n": "[redacted]"}'],
    ['xml', 142, `<a>${CARD} &lt;</a>`, '<a>[redacted] &lt;</a>'],
    ['text[]', 1009, `{a,"b ${CARD}",NULL,{"q\\"x"}}`, '{a,"b [redacted]",NULL,{"q\\"x"}}'],
    ['text[] with bounds', 1009, `[0:1]={${CARD},x}`, '[0:1]={"[redacted]",x}'],
    ['a composite', 90_001, `(1,"quentin@example.com",)`, '(1,"q***@example.com",)'],
  ] as const)('%s', (_, typeOid, raw, expected, typmod: number = -1) => {
    expect(shown(raw, column(typeOid, 'text', typmod))).toBe(expected)
    expect(utf8(shown(Buffer.from(raw), column(typeOid, 'text', typmod)))).toBe(expected)
  })

  test('text in binary format', () => {
    expect(utf8(shown(Buffer.from(`é ${CARD}`), column(25, 'binary')))).toBe('é [redacted]')
  })

  test('jsonb in binary format, behind its version', () => {
    expect(utf8(shown(Buffer.from(`\u0001{"n": ${CARD}}`), column(3802, 'binary')))).toBe('\u0001{"n": "[redacted]"}')
    expect(shown(Buffer.from(`\u0002{"n": ${CARD}}`), column(3802, 'binary'))).toBeNull()
  })

  test('text[] in binary format, whatever the lengths look like', () => {
    const array = (...elements: (string | null)[]): Buffer => {
      const head = Buffer.alloc(20)
      head.writeInt32BE(1, 0)
      head.writeInt32BE(25, 8)
      head.writeInt32BE(elements.length, 12)
      const body = elements.map(element => {
        const length = Buffer.alloc(4)
        length.writeInt32BE(element === null ? -1 : element.length)
        return Buffer.concat([length, Buffer.from(element ?? '')])
      })
      return Buffer.concat([head, ...body])
    }
    // 49 bytes: a length whose last byte is the digit 1, which would stand right before the card number.
    const long = CARD + ' '.repeat(33)
    expect(shown(array('a', long, null), column(1009, 'binary'))).toEqual(
      array('a', `[redacted]${' '.repeat(33)}`, null),
    )
    expect(shown(array(long).subarray(0, 50), column(1009, 'binary'))).toBeNull()
  })
})

describe('NULL where the find cannot be replaced by a valid value', () => {
  const QUOTING: DetectedMask[] = [{ detector: 'credit-card', mask: { kind: 'constant', value: 'a "b", <c> & (d)' } }]

  test('a mask that gives NULL makes the whole value NULL', () => {
    expect(shown(`x ${CARD}`, column(25), [{ detector: 'credit-card', mask: { kind: 'null' } }])).toBeNull()
    expect(
      shown(`x ${CARD}`, column(25), [{ detector: 'credit-card', mask: { kind: 'date-trunc', unit: 'day' } }]),
    ).toBeNull()
  })
  test('quotes are escaped where the type has escapes', () => {
    expect(JSON.parse(String(shown(`{"a": "${CARD}"}`, column(114), QUOTING)))).toEqual({ a: 'a "b", <c> & (d)' })
    expect(shown(`{${CARD}}`, column(1009), QUOTING)).toBe('{"a \\"b\\", <c> & (d)"}')
    expect(shown(`<a>${CARD}</a>`, column(142), QUOTING)).toBe('<a>a "b", &lt;c&gt; &amp; (d)</a>')
  })
  test('a type that is not known gets no sign that it might give meaning to', () => {
    expect(shown(`(${CARD})`, column(90_001), QUOTING)).toBeNull()
  })
  test('a find in XML markup', () => {
    expect(shown(`<a b="${CARD}">x</a>`, column(142))).toBeNull()
  })
  test('a type that is not known, in binary format', () => {
    expect(shown(Buffer.from(CARD), column(90_001, 'binary'))).toBeNull()
    expect(utf8(shown(Buffer.from('fine'), column(90_001, 'binary')))).toBe('fine')
  })
  test('bytes that are not UTF-8 and have a find among them', () => {
    expect(shown(Buffer.concat([Buffer.from([0xff]), Buffer.from(` ${CARD}`)]), column(25))).toBeNull()
  })
})

test('the hook is null where nothing can change', () => {
  expect(detectingRows(hashKey)({ detect: [] }, [column(25)])).toBeNull()
  expect(detectingRows(hashKey)({ detect: REDACT }, [column(23), column(2950), column(1184), column(17)])).toBeNull()
})

test('cells of other columns, and NULL, stay the very same', () => {
  const bytes = Buffer.from('harmless 12')
  const cells: Cell[] = [CARD, bytes, null, CARD]
  detectingRows(hashKey)({ detect: REDACT }, [column(20), column(25), column(25), column(25)])?.(cells)
  expect(cells).toEqual([CARD, bytes, null, '[redacted]'])
  expect(cells[1]).toBe(bytes)
})

test('a value that is cut to its type is not cut to a find', () => {
  const detect: DetectedMask[] = [
    { detector: 'aws-key', mask: { kind: 'redact' } },
    { detector: 'email', mask: { kind: 'redact' } },
  ]
  expect(shown('a@bcde.co AKIAIOSFODNN7EXAMPLE0', column(1043, 'text', 35), detect)).toBe('[redacted] [redacted]')
  expect(shown('(415) 555-2671', column(1042, 'text', 24), [{ detector: 'phone', mask: { kind: 'redact' } }])).toBe(
    '[redacted]'.padEnd(20),
  )
})

test('of several masks on what one detector finds, the one that shows least holds', () => {
  const masks: DetectedMask[] = [
    { detector: 'credit-card', mask: { kind: 'partial', first: 6, last: 4, fill: '*' } },
    { detector: 'credit-card', mask: { kind: 'partial', first: 0, last: 4, fill: '*' } },
  ]
  expect(shown(CARD, column(25), masks)).toBe('****1111')
  expect(shown(CARD, column(25), [...masks].reverse())).toBe('****1111')
  expect(shown(CARD, column(25), [...masks, { detector: 'credit-card', mask: { kind: 'redact' } }])).toBe('[redacted]')
})

test.each([
  ['json', 114, `"${'a\\"'.repeat(5_000_000)}`, `"`, `"`],
  ['json', 114, '', '"'.repeat(200_001), null],
  ['json', 114, '', '"\\'.repeat(100_001), null],
  ['text[]', 1009, `{${'a\\"'.repeat(5_000_000)}`, '}', '}'],
  ['text[]', 1009, '{', '"\\'.repeat(100_001), null],
  ['text', 25, 'a'.repeat(20_000_000), '', ''],
  ['xml', 142, '<'.repeat(200_000), '', null],
])('a very long or malformed %s is read through once (T5)', (_, typeOid, before, after, end) => {
  const masked = shown(`${before} ${CARD}${after}`, column(typeOid))
  if (end === null) expect(masked).toBeNull()
  else
    expect(
      String(masked)
        .slice(-40)
        .endsWith(`[redacted]${typeOid === 1009 ? '"' : ''}${end}`),
    ).toBe(true)
})
