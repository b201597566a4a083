import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dataRow, rowsEntry } from '../../test/rows-fixtures.ts'
import { encodeCbor } from '../format/canonical-cbor.ts'
import { framesValue, rowsBytes, rowsPieces } from './rows-pieces.ts'

const sizes = fc.array(
  fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 60_000 }), fc.constant(300_000), fc.constant(1_500_000)),
  { maxLength: 40 },
)

describe('rows in pieces', () => {
  test('are the same rows, cut between two of them, none larger than a mebibyte unless it is one row', async () => {
    await fc.assert(
      fc.property(sizes, fc.nat(1_000), (lengths, first) => {
        const entry = rowsEntry(
          1,
          lengths.map(length => Buffer.alloc(length, 7)),
          { first },
        )
        const pieces = rowsPieces(entry)
        expect(Buffer.concat(pieces.map(({ frames }) => frames)).equals(entry.frames)).toBe(true)
        let next = first
        for (const piece of pieces) {
          expect(piece.first).toBe(next)
          next += piece.rows
          expect(rowsIn(piece.frames)).toBe(piece.rows)
          expect(piece.rows === 1 || piece.frames.length <= 1_048_576).toBe(true)
        }
        expect(next).toBe(first + lengths.length)
        expect(pieces.map(({ columns }) => columns !== null)).toEqual(pieces.map((_, index) => index === 0))
        expect(rowsBytes(entry)).toBeGreaterThan(entry.frames.length)
      }),
      { numRuns: 60 },
    )
  })

  test('whatever the bytes are, none is lost and every row is counted once', async () => {
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(9), (noise, rows) => {
        const whole = Buffer.concat([dataRow(Buffer.alloc(300_000)), noise, dataRow(Buffer.alloc(10)), noise])
        const pieces = rowsPieces(rowsEntry(1, [], { rows, frames: whole }))
        expect(Buffer.concat(pieces.map(({ frames }) => frames)).equals(whole)).toBe(true)
        expect(pieces.reduce((sum, piece) => sum + piece.rows, 0)).toBe(rows)
        expect(pieces.every(piece => piece.rows >= 0)).toBe(true)
      }),
    )
  })

  test('have the VALUE that the encoder makes of them', async () => {
    await fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70_000, size: 'max' }), frames => {
        expect(Buffer.concat(framesValue(frames)).equals(encodeCbor({ frames }))).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})

function rowsIn(frames: Uint8Array): number {
  const bytes = Buffer.from(frames)
  let rows = 0
  for (let at = 0; at < bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) rows++
  return rows
}
