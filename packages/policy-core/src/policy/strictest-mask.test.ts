import { expect, test } from 'vitest'
import type { JsonMember, Mask, ValueMask } from '../mask.ts'
import { strictestMask } from './strictest-mask.ts'

const partial = (first: number, last: number, fill = '*'): Mask => ({ kind: 'partial', first, last, fill })
const hash = (name: string | null): Mask => ({ kind: 'hash', key: name === null ? null : { kind: 'env', name } })
const constant = (value: string): Mask => ({ kind: 'constant', value })

test.each<readonly [readonly Mask[], Mask | null]>([
  [[], null],
  [[{ kind: 'email' }, partial(0, 4)], partial(0, 4)],
  [[partial(0, 4), { kind: 'date-trunc', unit: 'day' }], { kind: 'date-trunc', unit: 'day' }],
  [[{ kind: 'date-trunc', unit: 'day' }, hash(null)], hash(null)],
  [[hash(null), constant('x')], constant('x')],
  [[constant('x'), { kind: 'redact' }], { kind: 'redact' }],
  [[{ kind: 'redact' }, { kind: 'null' }], { kind: 'null' }],
  [[partial(0, 4), partial(2, 1)], partial(0, 1)],
  [
    [
      { kind: 'date-trunc', unit: 'month' },
      { kind: 'date-trunc', unit: 'year' },
    ],
    { kind: 'date-trunc', unit: 'year' },
  ],
  [[hash(null), hash(null)], hash(null)],
  [[hash('A'), hash('B')], { kind: 'redact' }],
  [[constant('x'), constant('y')], { kind: 'redact' }],
  // Two keys conflict whatever else applies: one more, milder-looking mask must not bring the constant back.
  [[hash('A'), hash('B'), constant('x')], { kind: 'redact' }],
])('%j is shown as %j', (masks, expected) => {
  expect(strictestMask(masks)).toEqual(expected)
  expect(strictestMask([...masks].reverse())).toEqual(expected)
})

const member = (name: string, mask: ValueMask): JsonMember => ({ path: [{ kind: 'member', name }], mask })
const json = (...members: readonly JsonMember[]): Mask => ({ kind: 'json', members })
const byName = (mask: Mask | null): readonly JsonMember[] =>
  mask?.kind === 'json'
    ? [...mask.members].sort((a, b) => (JSON.stringify(a.path) < JSON.stringify(b.path) ? -1 : 1))
    : []

test('masks of JSON members add up, each path by the strictest of its masks, in any order', () => {
  const masks = [
    json(member('ssn', { kind: 'email' }), member('pan', { kind: 'hash', key: { kind: 'env', name: 'A' } })),
    json(member('ssn', { kind: 'null' })),
    json(member('pan', { kind: 'constant', value: 'x' })),
    json(member('pan', { kind: 'hash', key: { kind: 'env', name: 'B' } })),
  ]
  const expected = [member('pan', { kind: 'redact' }), member('ssn', { kind: 'null' })]
  expect(byName(strictestMask(masks))).toEqual(expected)
  expect(byName(strictestMask([...masks].reverse()))).toEqual(expected)
})

test('a mask on the whole value holds instead of masks of its members', () => {
  expect(strictestMask([json(member('ssn', { kind: 'null' })), { kind: 'email' }])).toEqual({ kind: 'email' })
})
