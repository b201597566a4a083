import fc from 'fast-check'
import { types } from 'pg'
import { expect, test } from 'vitest'
import { JSON_MASKS, MASK_CASES } from '../../test/mask-cases.ts'
import { maskValue } from '../mask-value.ts'
import { maskRows } from './mask-rows.ts'
import { resultPlan } from './result-plan.ts'
import { fieldsOfPg } from './row-fields.ts'
import { maskPlan } from './row-plan.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
const day = fc
  .tuple(fc.integer({ min: 1000, max: 9999 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }))
  .map(([year, month, date]) => `${year}-${pad(month)}-${pad(date)}`)
const moment = fc
  .tuple(day, fc.nat(23), fc.nat(59), fc.nat(999))
  .map(([date, h, m, ms]) => `${date} ${pad(h)}:${pad(m)}:01.${pad(ms, 3)}`)
const word = fc.string({ unit: 'grapheme', maxLength: 20 }).filter(text => !text.includes('\0'))
const json = fc.json({ noUnicodeString: true, maxDepth: 3 }).filter(text => !text.includes('\\u'))

/** Types, and cells of them in text that pg reads without losing anything. */
const CELLS: readonly (readonly [typeOid: number, cell: fc.Arbitrary<string>])[] = [
  [25, word],
  [1043, word],
  [16, fc.constantFrom('t', 'f')],
  [17, fc.uint8Array({ maxLength: 20 }).map(bytes => `\\x${Buffer.from(bytes).toString('hex')}`)],
  [20, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)],
  [23, fc.integer().map(String)],
  [1700, fc.integer().map(value => (value / 100).toFixed(2))],
  [2950, fc.uuid()],
  [1082, fc.oneof(day, fc.constantFrom('infinity', '-infinity'))],
  [1114, fc.oneof(moment, fc.constantFrom('infinity', '-infinity'))],
  [
    1184,
    fc.oneof(
      moment.map(text => `${text}+00`),
      fc.constantFrom('infinity'),
    ),
  ],
  [114, json],
  [3802, json],
  [
    1009,
    fc.array(fc.stringMatching(/^[a-z]{5,20}$/), { minLength: 1, maxLength: 4 }).map(list => `{${list.join(',')}}`),
  ],
]

test.each(CELLS)('rows of pg are masked as their cells are: type %i (P6)', (typeOid, cell) => {
  const read = types.getTypeParser(typeOid, 'text')
  const readCell = (text: unknown): unknown => (text === null ? null : read(String(text)))
  const field = { name: 'v', tableID: 20_000, columnID: 1, dataTypeID: typeOid, dataTypeModifier: -1 }
  fc.assert(
    fc.property(fc.constantFrom(...MASK_CASES, ...JSON_MASKS), fc.option(cell), (mask, text) => {
      const onWire = maskValue(mask, { typeOid, typmod: -1, format: 'text' }, hashKey)(text)
      const origin = { tableOid: 20_000, attnum: 1, schema: 's', table: 't', column: 'v', mask }
      const options = { masks: [origin], detect: [], unknownOrigin: 'null', safe: [], hashKey } as const
      const expected = [{ v: readCell(onWire) }]
      expect(maskRows([{ v: readCell(text) }], resultPlan(fieldsOfPg([field]), options))).toEqual(expected)
      expect(maskRows([[readCell(text)]], resultPlan(fieldsOfPg([field]), options))).toEqual([[expected[0]?.v]])
    }),
    { numRuns: 400 },
  )
})

test('every mask of every type is total and leaves the row as it was', () => {
  const value = fc.oneof(
    fc.anything({ withDate: true, withBigInt: true, withTypedArray: true, withNullPrototype: true }),
    fc.constant(Symbol('x')),
  )
  const typeOid = fc.constantFrom(...CELLS.map(([oid]) => oid), 1005, 1182, 199, 90_001)
  fc.assert(
    fc.property(fc.constantFrom(...MASK_CASES), typeOid, value, (mask, oid, raw) => {
      const plan = maskPlan({
        columns: { v: { mask, type: { typeOid: oid } } },
        safe: [],
        others: 'null',
        detect: [],
        hashKey,
      })
      const row = Object.freeze({ v: raw })
      expect(Object.keys(maskRows([row], plan)[0] ?? {})).toEqual(['v'])
      expect(row.v).toBe(raw)
    }),
    { numRuns: 3000 },
  )
})
