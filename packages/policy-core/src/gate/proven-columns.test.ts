import { expect, test } from 'vitest'
import type { UsedRelation } from '../facts.ts'
import { type MaskedColumn, ON_MASK } from '../mask.ts'
import { butForProven, decisionButForProven } from './proven-columns.ts'

const view: UsedRelation = {
  schema: 'public',
  name: 'v',
  oid: 20_000,
  kind: 'derived',
  columns: [1, 2, 3].map(attnum => ({
    name: `c${attnum}`,
    attnum,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema: 'public', name: 't', column: 'ssn' }],
  })),
}
const table: UsedRelation = { ...view, name: 't', oid: 20_001, kind: 'table' }
const columnsOf = ({ columns }: UsedRelation): readonly MaskedColumn[] =>
  columns.map(column => ({ column, mask: { kind: 'redact' }, ...ON_MASK, entry: 0 }))
const proven = [
  { oid: view.oid, attnums: [1] },
  { oid: view.oid, attnums: [3] },
]

test('what is proven of a view is hidden no more, and nothing else is let through by it (second wall)', () => {
  const hidden = butForProven(columnsOf, proven)
  expect(hidden(view).map(({ column }) => column.attnum)).toEqual([2])
  expect(hidden(table)).toHaveLength(3)
  expect(butForProven(columnsOf, [])(view)).toHaveLength(3)
})

test('a decision says the masks that the statement runs with', () => {
  const masks = [view, table].map(relation => ({ relation, columns: columnsOf(relation) }))
  const limits = { rowsMax: null, bytesMax: null, timeMsMax: null }
  const decision = { kind: 'allow', obligations: { masks, detect: [], limits }, reasons: [] } as const
  const found = decisionButForProven(decision, proven).obligations.masks
  expect(found.map(({ columns }) => columns.map(({ column }) => column.attnum))).toEqual([[2], [1, 2, 3]])
  expect(decisionButForProven(decision, [])).toBe(decision)
})
