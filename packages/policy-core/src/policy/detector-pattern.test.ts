import { describe, expect, test } from 'vitest'
import { PolicyError } from '../errors.ts'
import { compilePolicy } from './compile.ts'
import { patternTrouble } from './detector-pattern.ts'
import { parsePolicy } from './parse.ts'

const withDetect = (...detect: unknown[]): unknown => ({ version: 1, rules: [], masks: [{ detect, with: 'redact' }] })
const EMPLOYEE = { name: 'employee-number', pattern: 'EMP-\\d{6}' }

test('detectors and patterns stand in one list', () => {
  expect(parsePolicy(withDetect('credit-card', EMPLOYEE)).masks).toMatchObject([
    { kind: 'detect', detectors: ['credit-card'], patterns: [EMPLOYEE] },
  ])
})

describe('T5: a repeat must have a bound', () => {
  test.each(['a*', 'a+', 'a{2,}', '(a|b)+?', '[ab]*', '\\Qa*\\E+', '[[:alpha:]]+', '[]a]*', '\\\\+', '\\[a+'])(
    '%s',
    pattern => {
      expect(patternTrouble(pattern)).toContain('repeats without a bound')
      expect(() => parsePolicy(withDetect({ name: 'x', pattern }))).toThrow(/masks\[0\]\.detect\[0\]/)
    },
  )
  test.each([
    'a{1,64}',
    'a?',
    '[*+]',
    '\\*\\+',
    '\\Qa*+\\E',
    '[]*]',
    '[[:alpha:]*]',
    'EMP-\\d{6}',
    '\\p{L}{2}',
    '\\x{2a}',
    '[\\]*]',
  ])('%s is bounded', pattern => {
    expect(patternTrouble(pattern)).toBeNull()
    expect(() => parsePolicy(withDetect({ name: 'x', pattern }))).not.toThrow()
  })
})

test.each<[unknown, string]>([
  [{ name: 'Employee', pattern: 'a' }, 'masks[0].detect[0].name: expected small letters'],
  [{ name: 'x' }, 'masks[0].detect[0].pattern'],
  [{ name: 'x', pattern: '' }, 'masks[0].detect[0].pattern'],
  [{ name: 'x', pattern: 'a'.repeat(257) }, 'masks[0].detect[0].pattern'],
  [{ name: 'x', patern: 'a' }, 'patern'],
  [{ name: 'iban', pattern: 'a' }, 'masks[0].detect: iban is a detector already'],
  ['credit-cart', 'masks[0].detect[0]: no detector, did you mean credit-card?'],
])('%j is refused with its place', (detector, message) => {
  expect(() => parsePolicy(withDetect(detector))).toThrow(message)
})

test('what the engine says against a pattern is an issue of the policy, by the name of the pattern', () => {
  const checkPattern = (pattern: string): string | null => (pattern === '(a' ? 'lacks a closing )' : null)
  expect(() => parsePolicy(withDetect({ name: 'odd', pattern: '(a' }), { checkPattern })).toThrow(
    'masks[0].detect: the pattern of odd lacks a closing )',
  )
})

test('one name for two patterns is refused, however the policy was made', () => {
  const other = { ...EMPLOYEE, pattern: 'E\\d{6}' }
  expect(() => parsePolicy(withDetect(EMPLOYEE, other))).toThrow('employee-number is given two patterns')
  const policy = parsePolicy(withDetect(EMPLOYEE))
  const [entry] = policy.masks
  if (entry?.kind !== 'detect') throw new Error('expected a detector')
  const forged = { ...policy, masks: [{ ...entry, patterns: [EMPLOYEE, other] }] }
  expect(() => compilePolicy(forged, { version: '1' })).toThrow(PolicyError)
  expect(() => parsePolicy(withDetect(EMPLOYEE, EMPLOYEE))).not.toThrow()
})
