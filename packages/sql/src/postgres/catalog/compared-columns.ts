import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * By relation, the names of the columns whose values the server compares with other rows; CatalogRelation.comparedColumns.
 * A row that is put into a relation may go to one of its partitions, and one that is changed may be a child's. Nothing of
 * views and foreign tables: what they write to is elsewhere.
 */
export function comparedColumnsOf(snapshot: Snapshot): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Map<string, string>>()
  for (const [relation = '', attnum = '', name = ''] of snapshot.columns) {
    const known = names.get(relation) ?? new Map<string, string>()
    names.set(relation, known.set(attnum, name))
  }
  const compared = new Map<string, Set<string>>()
  for (const [oid = '', , , kind = ''] of snapshot.relations)
    if (kind === 'r' || kind === 'p') compared.set(oid, new Set())
  for (const [relation = '', attnum = ''] of snapshot.comparedColumns) {
    const columns = names.get(relation) ?? new Map<string, string>()
    for (const name of attnum === '0' ? columns.values() : [columns.get(attnum)])
      if (name !== undefined) compared.get(relation)?.add(name)
  }
  const parents = new Map<string, string[]>()
  for (const [child = '', parent = ''] of snapshot.inheritance) listAt(parents, child).push(parent)
  // Each relation hands its own on to all that stand above it.
  for (const [oid, own] of new Map([...compared].map(([key, set]) => [key, [...set]]))) {
    const above = new Set(parents.get(oid))
    for (const parent of above) {
      for (const name of own) if (isColumn(names.get(parent), name)) compared.get(parent)?.add(name)
      for (const next of parents.get(parent) ?? []) above.add(next)
    }
  }
  return compared
}

const isColumn = (columns: ReadonlyMap<string, string> | undefined, name: string): boolean =>
  [...(columns?.values() ?? [])].includes(name)
