import { expect, test } from 'vitest'
import { matchGlob } from './glob.ts'
import { readPattern } from './pattern.ts'

test.each([
  ['public.orders', ['public', 'orders'], true],
  ['public.orders', ['public', 'Orders'], false],
  ['public.*', ['public', 'a.b'], true],
  ['*.orders', ['x.public', 'orders'], true],
  ['public.*', ['publicx', 'orders'], false],
  ['pub*c.o*s', ['public', 'orders'], true],
  ['public."Odd.Name"', ['public', 'Odd.Name'], true],
  ['public."a""b"', ['public', 'a"b'], true],
  ['public."*"', ['public', 'orders'], false],
  ['public."*"', ['public', '*'], true],
])('%s against %j', (pattern, names, matches) => {
  expect(readPattern(pattern, 2)?.matches(names)).toBe(matches)
})

test.each(['orders', 'a.b.c', 'a.', '.b', 'a..b', '"a.b', 'a."b"c', 'a b.c', '', 'a.b\n'])('%j is no pattern', text => {
  expect(readPattern(text, 2)).toBeNull()
})

test('T2: many stars against a long name take no time to speak of', () => {
  expect(matchGlob(`${'*a'.repeat(120)}b`, 'a'.repeat(256))).toBe(false)
})
