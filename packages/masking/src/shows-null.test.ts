import { expect, test } from 'vitest'
import { showsNull } from './shows-null.ts'

const partial = { kind: 'partial', first: 0, last: 4, fill: '*' } as const
const of = (typeOid: number) => ({ typeOid, typmod: -1 })

test.each([
  ['partial on an integer', partial, 23, true],
  ['partial on a text', partial, 25, false],
  ['partial on an array of integers', partial, 1007, true],
  ['partial on an array of texts', partial, 1009, false],
  ['a hash of an integer', { kind: 'hash', key: null }, 23, true],
  ['a hash of a varchar', { kind: 'hash', key: null }, 1043, false],
  ['a constant that is no integer', { kind: 'constant', value: 'n/a' }, 23, true],
  ['a constant that is one', { kind: 'constant', value: '0' }, 23, false],
  ['a date cut to its year', { kind: 'date-trunc', unit: 'year' }, 1082, false],
  ['null on anything', { kind: 'null' }, 25, true],
] as const)('%s', (_, mask, typeOid, expected) => {
  expect(showsNull(mask, of(typeOid))).toBe(expected)
})
