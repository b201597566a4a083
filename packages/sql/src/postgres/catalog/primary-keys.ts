import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * The names of the columns of primary keys by relation; CatalogRelation.primaryKey. Children of a table have rows of their
 * own, which its key doesn't hold for; those of partitions it does.
 */
export function primaryKeysOf(snapshot: Snapshot): ReadonlyMap<string, readonly string[]> {
  const partitioned = new Set(snapshot.relations.flatMap(([oid = '', , , kind]) => (kind === 'p' ? [oid] : [])))
  const parents = new Set(snapshot.inheritance.map(([, parent]) => parent))
  const names = new Map(snapshot.columns.map(([relation, attnum, name = '']) => [`${relation}.${attnum}`, name]))
  const keys = new Map<string, string[]>()
  for (const [relation = '', attnum] of snapshot.primaryKeys) {
    if (parents.has(relation) && !partitioned.has(relation)) continue
    listAt(keys, relation).push(names.get(`${relation}.${attnum}`) ?? '')
  }
  return keys
}
