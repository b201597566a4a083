import type { ResultColumn } from '@querywarden/policy-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRow } from '../../test/encode-row.ts'
import { MASK_CASES } from '../../test/mask-cases.ts'
import { detectCell } from '../detect/detect-cell.ts'
import { MaskingError } from '../errors.ts'
import { type MaskCell, maskValue } from '../mask-value.ts'
import { type ColumnMask, columnActions } from './column-actions.ts'
import { dataRowMasker } from './data-row-masker.ts'
import { OutputBuffer } from './output-buffer.ts'

const hashKey = (): Uint8Array => Buffer.alloc(32, 7)
const DETECT = [
  { detector: 'credit-card', mask: { kind: 'partial', first: 0, last: 4, fill: '*' } },
  { detector: 'email', mask: { kind: 'redact' } },
] as const

const column = fc.record({
  typeOid: fc.constantFrom(25, 1043, 1042, 19, 23, 114, 1082, 1184, 2950, 17, 1009, 90_001),
  typmod: fc.constantFrom(-1, 10, 44),
  format: fc.constantFrom('text' as const, 'binary' as const),
  origin: fc.constantFrom([0, 0], [20_000, 1], [20_000, 2], [20_000, 0]),
})
const value = fc.oneof(
  fc.constant(null),
  fc.uint8Array({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }).map(text => Buffer.from(text)),
  fc
    .constantFrom('', 'quentin@example.com', '4111 1111 1111 1111', '2024-03-04', 'x'.repeat(300), '["a@b.co"]')
    .map(text => Buffer.from(text)),
)
const mask = fc.option(fc.constantFrom(...MASK_CASES), { nil: null })
const result = fc.array(fc.record({ column, mask }), { maxLength: 6 }).chain(columns =>
  fc.record({
    columns: fc.constant(columns),
    rows: fc.array(fc.tuple(...columns.map(() => value)), { maxLength: 5 }),
    detect: fc.boolean(),
    unknownOrigin: fc.constantFrom('null' as const, 'keep' as const),
  }),
)

/** The plain way: every cell on its own. */
function naive(
  columns: readonly ResultColumn[],
  masks: readonly ColumnMask[],
  detect: typeof DETECT | readonly [],
  unknownOrigin: 'null' | 'keep',
): MaskCell[] {
  return columns.map((each, index) => {
    const own = masks.find(one => one.kind === 'index' && one.index === index)
    if (own !== undefined) return maskValue(own.mask, each, hashKey)
    if (unknownOrigin === 'null' && (each.tableOid === 0 || each.attnum === 0)) return () => null
    return detectCell(detect, each, hashKey)?.mask ?? (cell => cell)
  })
}

test('rows masked on the wire are rows decoded, masked cell by cell, and encoded again', () => {
  fc.assert(
    fc.property(result, fc.nat(20), ({ columns, rows, detect, unknownOrigin }, offset) => {
      const described = columns.map(
        ({ column: { origin, ...type } }): ResultColumn => ({
          name: 'c',
          tableOid: origin[0] ?? 0,
          attnum: origin[1] ?? 0,
          ...type,
        }),
      )
      const masks = columns.flatMap((each, index): ColumnMask[] =>
        each.mask === null ? [] : [{ kind: 'index', index, mask: each.mask }],
      )
      const plan = { masks, detect: detect ? DETECT : ([] as const), unknownOrigin, hashKey }
      const cells = naive(described, masks, plan.detect, unknownOrigin)
      const expected = Buffer.concat(rows.map(row => encodeRow(row.map((cell, i) => cells[i]!(cell)))))

      const source = Buffer.concat([Buffer.alloc(offset, 0x44), ...rows.map(encodeRow), Buffer.alloc(offset, 0x44)])
      const target = new OutputBuffer({ bytesInitial: 1, bytesMax: 1 << 20 })
      target.append(Buffer.from('before'), 0, 6)
      dataRowMasker(columnActions(described, plan)).mask(source, offset, source.length - offset, target)
      expect(Buffer.from(target.bytes.subarray(0, target.length)).toString('hex')).toBe(
        Buffer.concat([Buffer.from('before'), expected]).toString('hex'),
      )
    }),
    { numRuns: 3000 },
  )
})

test('bytes that are not exactly rows are refused, and none of them passes (E3, E11)', () => {
  const actions = columnActions([textColumn, textColumn], {
    masks: [{ kind: 'index', index: 1, mask: { kind: 'redact' } }],
    detect: [],
    unknownOrigin: 'keep',
    hashKey,
  })
  const rows = Buffer.concat([encodeRow(['a', 'secret']), encodeRow(['b', null])])
  const masked = maskAll(actions, rows)
  fc.assert(
    fc.property(fc.nat(rows.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const bent = Buffer.from(rows)
      bent[at] = byte
      const target = new OutputBuffer({ bytesInitial: 1, bytesMax: 1 << 20 })
      try {
        dataRowMasker(actions).mask(bent, 0, bent.length, target)
      } catch (error) {
        expect(error).toBeInstanceOf(MaskingError)
        expect((error as MaskingError).code).toBe('MALFORMED_ROW')
        expect(target.length).toBe(0)
        return
      }
      expect(target.length).toBe(masked.length)
      expect(Buffer.from(target.bytes.subarray(0, target.length)).includes('secre')).toBe(false)
    }),
    { numRuns: 5000 },
  )
})

test('random bytes, and any cut of good ones, are refused (E2, E11)', () => {
  const actions = columnActions([textColumn], { masks: [], detect: [], unknownOrigin: 'keep', hashKey })
  const row = encodeRow(['abc'])
  for (let end = 1; end < row.length; end++) expect(() => maskAll(actions, row.subarray(0, end))).toThrow(MaskingError)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), bytes => {
      expect(() => maskAll(actions, Buffer.concat([Buffer.from('D'), bytes.map(byte => byte | 0x80)]))).toThrow(
        MaskingError,
      )
    }),
  )
})

const textColumn: ResultColumn = { name: 'c', tableOid: 20_000, attnum: 1, typeOid: 25, typmod: -1, format: 'text' }

function maskAll(actions: ReturnType<typeof columnActions>, source: Uint8Array): Uint8Array {
  const target = new OutputBuffer({ bytesInitial: 1, bytesMax: 1 << 20 })
  dataRowMasker(actions).mask(source, 0, source.length, target)
  return target.bytes.subarray(0, target.length)
}
