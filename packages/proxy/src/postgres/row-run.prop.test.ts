import { BACKEND, BACKEND_TAGS, encodeDataRow, FrameScanner, HEADER_BYTES } from '@querywarden/wire/postgres'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowRun, type RowRunLimits } from './row-run.ts'
import { isWholeRow } from './row-shape.ts'

/** The same, message by message. */
function oneByOne(bytes: Uint8Array, { columns, frameBytesMax, rowsMax, bytesMax }: RowRunLimits) {
  const scanner = new FrameScanner({ frameBytesMax, tags: BACKEND_TAGS })
  scanner.push(bytes)
  let rows = 0
  let end = 0
  try {
    while (scanner.next()) {
      if (scanner.tag !== BACKEND.dataRow || rows === rowsMax || scanner.end > bytesMax) break
      if (!isWholeRow(bytes, scanner.start + HEADER_BYTES, scanner.end, columns)) break
      rows += 1
      end = scanner.end
    }
  } catch {
    // Not a message at all: what came before it counts.
  }
  return { rows, end }
}

const row = fc
  .array(fc.option(fc.uint8Array({ maxLength: 12 })), { minLength: 2, maxLength: 2 })
  .map(values => encodeDataRow({ values }))
const other = fc.oneof(
  fc.array(fc.constant(null), { maxLength: 4 }).map(values => encodeDataRow({ values })),
  fc.uint8Array({ maxLength: 12 }),
  fc
    .constantFrom(
      'C\0\0\0\x05\0',
      'D\0\0\0\x03',
      'D\xff\xff\xff\xff',
      'D\x80\0\0\0',
      'D\0\0\0\x06\0\x02',
      'D\0\0\0\x04',
    )
    .map(text => Buffer.from(text, 'latin1')),
)

test('E2, E11: a run of rows ends where going message by message would end, before damage of any byte', () => {
  let longest = 0
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 6, arbitrary: row }, other), { maxLength: 8 }),
      fc.option(fc.record({ at: fc.nat(), byte: fc.nat(255) })),
      fc.nat(3),
      fc.record({
        columns: fc.constantFrom(2, 2, 2, 1),
        frameBytesMax: fc.oneof({ weight: 3, arbitrary: fc.constant(1_000) }, fc.integer({ min: 10, max: 40 })),
        rowsMax: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(5)),
        bytesMax: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(100)),
      }),
      (frames, damage, cut, limits) => {
        const all = Buffer.concat(frames)
        if (damage !== null && all.length > 0) all[damage.at % all.length] = damage.byte
        const bytes = Uint8Array.from(all.subarray(0, all.length - cut))
        const run = new RowRun()
        run.follow(bytes, 0, limits)
        expect({ rows: run.rows, end: run.end }).toEqual(oneByOne(bytes, limits))
        longest = Math.max(longest, run.rows)
      },
    ),
    { numRuns: 3_000 },
  )
  expect(longest).toBeGreaterThan(4)
})
