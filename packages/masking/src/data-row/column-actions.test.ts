import type { ResultColumn } from '@querywarden/policy-core'
import { expect, test } from 'vitest'
import { type ColumnPlan, columnActions } from './column-actions.ts'
import { dataRowMasker } from './data-row-masker.ts'
import { OutputBuffer } from './output-buffer.ts'

const from = (tableOid: number, attnum: number): ResultColumn => ({
  name: 'c',
  tableOid,
  attnum,
  typeOid: 25,
  typmod: -1,
  format: 'text',
})
const plan: ColumnPlan = {
  masks: [{ kind: 'origin', tableOid: 20_000, attnum: 2, mask: { kind: 'redact' } }],
  detect: [],
  unknownOrigin: 'null',
  hashKey: () => Buffer.alloc(32),
}
const TO_NULL = { kind: 'fixed', bytes: null }
const REDACTED = { kind: 'fixed', bytes: Buffer.from('[redacted]') }

test('a column is masked by its origin, and one without an origin shows nothing', () => {
  const columns = [from(20_000, 1), from(20_000, 2), from(20_001, 2), from(0, 0), from(20_000, 0)]
  expect(columnActions(columns, plan)).toEqual([{ kind: 'keep' }, REDACTED, { kind: 'keep' }, TO_NULL, TO_NULL])
})

test('a column without an origin is kept only where that is asked for', () => {
  expect(columnActions([from(0, 0)], { ...plan, unknownOrigin: 'keep' })).toEqual([{ kind: 'keep' }])
})

test('of several masks on one column the one that shows least holds', () => {
  const masks: ColumnPlan['masks'] = [
    { kind: 'index', index: 0, mask: { kind: 'email' } },
    { kind: 'index', index: 0, mask: { kind: 'null' } },
  ]
  expect(columnActions([from(1, 1)], { ...plan, masks })).toEqual([TO_NULL])
  expect(columnActions([from(1, 1)], { ...plan, masks: [...masks].reverse() })).toEqual([TO_NULL])
})

test('a mask on a column that is not there is an error, not silence', () => {
  const masks: ColumnPlan['masks'] = [{ kind: 'index', index: 1, mask: { kind: 'redact' } }]
  expect(() => columnActions([from(1, 1)], { ...plan, masks })).toThrow('no column 1, expected one below 1')
})

test('a row that would outgrow the buffer is refused, and the buffer is as it was', () => {
  const row = Buffer.from('D\0\0\0\u0010\0\u0001\0\0\0\u0006secret', 'latin1')
  const masker = dataRowMasker([{ kind: 'keep' }])
  const roomy = new OutputBuffer({ bytesInitial: 1, bytesMax: row.length })
  masker.mask(row, 0, row.length, roomy)
  expect(Buffer.from(roomy.bytes.subarray(0, roomy.length)).equals(row)).toBe(true)
  const tight = new OutputBuffer({ bytesInitial: 1, bytesMax: row.length - 1 })
  expect(() => masker.mask(row, 0, row.length, tight)).toThrow(
    `output of ${row.length} bytes exceeds the limit of ${row.length - 1}`,
  )
  expect(tight.length).toBe(0)
})
