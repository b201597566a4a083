import type { DetectedMask } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import { MaskingError } from '../errors.ts'
import { detectCell } from './detect-cell.ts'
import { maskFound } from './mask-found.ts'
import { patternProblem, patternStretches } from './pattern.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const EMPLOYEE: DetectedMask = { detector: 'employee-number', pattern: 'EMP-\\d{6}', mask: { kind: 'redact' } }
const CARD: DetectedMask = { detector: 'credit-card', mask: { kind: 'partial', first: 0, last: 4, fill: '*' } }
const mask = (text: string, ...detect: DetectedMask[]): string | null =>
  maskFound(detect, hashKey, shown => shown)(text)

test('each find of a pattern is replaced, beside what the built-in detectors find', () => {
  expect(mask('EMP-123456 and EMP-654321, 4111 1111 1111 1111', EMPLOYEE, CARD)).toBe(
    '[redacted] and [redacted], ****1111',
  )
})

test('where finds reach into each other, neither mask shows what the other hides', () => {
  const tail: DetectedMask = { detector: 'tail', pattern: '1111 1111 EMP', mask: { kind: 'redact' } }
  expect(mask('4111 1111 1111 1111 EMP', CARD, tail)).toBe('[redacted]')
})

test('a pattern is looked for in JSON, in arrays and behind escapes', () => {
  const cell = (typeOid: number, text: string): unknown =>
    detectCell([EMPLOYEE], { typeOid, typmod: -1, format: 'text' }, hashKey)?.mask(text)
  expect(cell(114, '{"by": "EMP-12345\\u0036"}')).toBe('{"by": "[redacted]"}')
  expect(cell(1009, '{EMP-123456,x}')).toBe('{"[redacted]",x}')
  expect(cell(25, 'EMP-12345')).toBe('EMP-12345')
})

test.each(['(EMP|X)-\\d{6}', 'E?MP-\\d{6}', '(?i)emp-\\d{6}', 'EMP-?\\d{6}', 'EM{1}P-\\d{6}', '\\bEMP-\\d{6}'])(
  'the first pass lets through what %s finds',
  pattern => {
    const detection = detectCell([{ ...EMPLOYEE, pattern }], { typeOid: 25, typmod: -1, format: 'text' }, hashKey)
    expect(detection?.mask('by EMP-123456')).toBe('by [redacted]')
    expect(detection?.mask(Buffer.from('by EMP-123456'))).toEqual(Buffer.from('by [redacted]'))
  },
)

describe('what is no pattern', () => {
  test.each<[string, string]>([
    ['(a', 'is no expression of RE2: missing closing )'],
    ['(?=a)b', 'is no expression of RE2: invalid or unsupported Perl syntax'],
    ['(a)\\1', 'is no expression of RE2: invalid escape sequence'],
    ['a{1001}', 'is no expression of RE2: invalid repeat count'],
    ['(a{1,100}){1,100}', 'is no expression of RE2: invalid repeat count'],
    ['a{1,900}', 'is too large an expression'],
    ['a?', 'matches the empty text'],
  ])('%s %s', (pattern, why) => {
    expect(patternProblem(pattern)).toContain(why)
    const compile = (): unknown => patternStretches('odd', pattern)
    expect(compile).toThrow(MaskingError)
    expect(compile).toThrow(`the pattern of detector odd ${why}`)
  })
})

/** Patterns that send engines which go back over a text for ages, here with the bounds that a policy must give. */
const EVIL: readonly (readonly [pattern: string, piece: string, before: string])[] = [
  ['(a|a){1,30}(a|a){1,30}b', 'a', 'b'],
  ['(a{1,15}){1,15}b', 'a', 'b'],
  ['([a-z]{1,15}){1,15}\\d', 'a', ''],
  ['(x?){1,25}x{25}y', 'x', 'y'],
  ['(\\w{1,15}\\s?){1,15}!', 'ab ', '!'],
  ['a(.{1,200}b)?', 'a', 'b'],
]

describe.each(EVIL)('T5: %s over a long run of %j', (pattern, piece, before) => {
  test('reads each character about as often as of a short one', () => {
    const readsPerCharacter = (length: number): number => {
      const find = patternStretches('evil', pattern)
      const text = before + piece.repeat(Math.ceil(length / piece.length))
      return readsBy(() => find(text)) / length
    }
    const short = readsPerCharacter(500)
    expect(short).toBeGreaterThanOrEqual(1)
    expect(readsPerCharacter(5_000)).toBeLessThan(2 * short + 10)
  })
})

/** How often some work reads a character of any text. The engine takes nothing but true strings, so they do the counting. */
function readsBy(work: () => void): number {
  const charCodeAt = Reflect.get(String.prototype, 'charCodeAt')
  let reads = 0
  Reflect.set(String.prototype, 'charCodeAt', function (this: string, at: number): number {
    reads++
    return charCodeAt.call(this, at)
  })
  try {
    work()
  } finally {
    Reflect.set(String.prototype, 'charCodeAt', charCodeAt)
  }
  return reads
}
