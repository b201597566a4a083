import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isJsonText } from './is-json.ts'

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('a text is JSON just where it parses', () => {
  const piece = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\u00e9"',
      '\\',
      '\\"',
      '\\u12',
      'u',
      'é',
      '\u2028',
      '\t',
      '\n',
      ' ',
    ],
    ...[
      '0',
      '01',
      '-',
      '-1',
      '1.5',
      '1.',
      '.5',
      '1e5',
      '1e',
      'E+',
      'true',
      'nul',
      'null',
      'false',
      '\u00a0',
      '\ufeff',
      '\0',
      "'",
    ],
  )
  const document = fc.json({ maxDepth: 4 })
  const text = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map(pieces => pieces.join('')),
    document,
    fc.tuple(document, fc.nat(), piece).map(([json, at, put]) => {
      const place = at % (json.length + 1)
      return json.slice(0, place) + put + json.slice(place)
    }),
    fc.tuple(document, fc.nat()).map(([json, at]) => json.slice(0, at % (json.length + 1))),
  )
  fc.assert(
    fc.property(text, each => {
      expect(isJsonText(each)).toBe(parses(each))
    }),
    { numRuns: 20_000 },
  )
})

test('depth takes no stack (E8)', () => {
  expect(isJsonText('['.repeat(300_000) + ']'.repeat(300_000))).toBe(true)
  expect(isJsonText('{"a":'.repeat(300_000))).toBe(false)
})
