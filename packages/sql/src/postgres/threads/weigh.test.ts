import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lex } from '../lex.ts'
import { isLight } from './weigh.ts'

test.each([
  ['what is short', 'select 1', true],
  ['a long literal', `select '${'x'.repeat(15_000)}'`, true],
  ['a longer one', `select '${'x'.repeat(17_000)}'`, false],
  ['many tokens', `select ${'1,'.repeat(1_200)}1`, false],
  ['a page of SQL', `select ${'customer_identifier, '.repeat(200)}1 from orders`, true],
])('%s', (_, text, light) => {
  expect(isLight(text)).toBe(light)
})

test('T5: no text of many tokens is light, whatever they are', () => {
  const piece = fc.constantFrom(
    '1',
    ',',
    '(',
    ' ',
    "'x'",
    '/**/',
    'a',
    '"b"',
    '::',
    '\n',
    '--\n',
    'é',
    '$1',
    '1.5',
    '||',
  )
  fc.assert(
    fc.property(fc.array(piece, { minLength: 2_100, maxLength: 3_000, size: 'max' }), pieces => {
      const text = pieces.join('').padEnd(2_049)
      const tokens = lex(text).filter(({ kind }) => kind !== 'space').length
      if (tokens > 1_024) expect(isLight(text)).toBe(false)
    }),
    { numRuns: 200 },
  )
})
