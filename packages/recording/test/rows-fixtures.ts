import type { Entry, RecordedColumn } from '@querywarden/policy-core'

export type Rows = Extract<Entry, { kind: 'rows' }>

export const COLUMNS: readonly RecordedColumn[] = [
  { name: 'id', typeOid: 23, format: 'text' },
  { name: 'note', typeOid: 25, format: 'binary' },
]

/** A DataRow of one value (PostgreSQL 18 documentation, 54.7). */
export function dataRow(value: Uint8Array): Buffer {
  const row = Buffer.alloc(11 + value.length)
  row.write('D')
  row.writeUInt32BE(row.length - 1, 1)
  row.writeUInt16BE(1, 5)
  row.writeUInt32BE(value.length, 7)
  row.set(value, 11)
  return row
}

export const rowsEntry = (statement: number, values: readonly Uint8Array[], more: Partial<Rows> = {}): Rows => ({
  kind: 'rows',
  statement,
  first: 0,
  rows: values.length,
  columns: COLUMNS,
  frames: Buffer.concat(values.map(dataRow)),
  ...more,
})

/** Rows whose frames have about so many bytes. */
export const rowsOf = (statement: number, bytes: number, more: Partial<Rows> = {}): Rows =>
  rowsEntry(
    statement,
    Array.from({ length: Math.max(1, Math.round(bytes / 1_011)) }, (_, row) => Buffer.alloc(1_000, `row ${row} `)),
    more,
  )
