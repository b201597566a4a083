import { expect, test } from 'vitest'
import type { UsedRelation, ViewDefinition } from './facts.ts'
import { ON_MASK } from './mask.ts'
import { maskedBehind } from './masked-behind.ts'

const relation = (name: string, reads: readonly UsedRelation[] | null = null): UsedRelation => {
  const view: ViewDefinition = {
    text: 'SELECT',
    isMaterialized: false,
    isSecurityBarrier: false,
    isSecurityInvoker: false,
    reads: reads ?? [],
  }
  const column = { name: 'ssn', attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] }
  return {
    schema: 'public',
    name,
    oid: 1,
    kind: reads === null ? 'table' : 'derived',
    columns: [column],
    ...(reads === null ? {} : { view }),
  }
}

const masksOn = (...names: readonly string[]) => {
  const columns = ({ name, columns: all }: UsedRelation) =>
    names.includes(name) ? all.map(column => ({ column, mask: { kind: 'null' } as const, ...ON_MASK, entry: 0 })) : []
  return { maskedColumns: columns, ownMasks: columns }
}
const namesBehind = (view: UsedRelation, ...masked: readonly string[]): readonly string[] =>
  maskedBehind(masksOn(...masked), view).map(({ relation: { name } }) => name)

const [people, orders] = [relation('people'), relation('orders')]
const inner = relation('inner', [people])
const outer = relation('outer', [orders, inner, inner])

test('masks of base tables are found behind views on views, with the views that lead to them', () => {
  expect(namesBehind(outer, 'people')).toEqual(['people', 'inner'])
  expect(namesBehind(outer, 'people', 'orders')).toEqual(['orders', 'people', 'inner'])
  expect(namesBehind(relation('both', [inner, outer]), 'people')).toEqual(['people', 'inner', 'outer'])
})
test('and none where none is masked, or where no view is', () => {
  expect(namesBehind(outer)).toEqual([])
  expect(namesBehind(people, 'people')).toEqual([])
})
