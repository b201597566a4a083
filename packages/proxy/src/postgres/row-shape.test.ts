import { encodeDataRow, HEADER_BYTES } from '@querywarden/wire/postgres'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isWholeRow, RowShape } from './row-shape.ts'

const rows = fc.array(fc.option(fc.uint8Array({ maxLength: 20 })), { maxLength: 5 })

/** What following a body in parts makes of it. */
function followed(body: Uint8Array, columns: number, cuts: readonly number[]): boolean {
  const shape = new RowShape(columns)
  let from = 0
  for (const to of [...cuts, body.length]) {
    if (!shape.follow(body, from, to)) return false
    from = to
  }
  return shape.isWhole
}

const cutsOf = (at: readonly number[], body: Uint8Array): number[] =>
  at.map(cut => cut % (body.length + 1)).toSorted((a, b) => a - b)

test('E11: a row is whole or not, however it is cut, and damage of any byte is judged alike', () => {
  fc.assert(
    fc.property(
      rows,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.option(fc.record({ at: fc.nat(), byte: fc.nat(255) })),
      fc.integer({ min: -1, max: 1 }),
      (values, at, damage, more) => {
        const body = encodeDataRow({ values }).slice(HEADER_BYTES)
        if (damage !== null) body[damage.at % body.length] = damage.byte
        const columns = values.length + more
        expect(followed(body, columns, cutsOf(at, body))).toBe(isWholeRow(body, 0, body.length, columns))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('E11: a row that ends early or goes on is not whole', () => {
  const body = encodeDataRow({ values: [Buffer.from('value'), null] }).slice(HEADER_BYTES)
  expect(followed(body, 2, [])).toBe(true)
  expect(followed(body.slice(0, -1), 2, [3])).toBe(false)
  expect(followed(Buffer.concat([body, Buffer.of(0)]), 2, [3])).toBe(false)
})
