import { expect, test } from 'vitest'
import type { Mask } from '../mask.ts'
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
