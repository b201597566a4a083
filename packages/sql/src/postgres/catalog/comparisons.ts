import type { Comparison } from '@querywarden/policy-core'
import { CHECK } from './column-queries.ts'
import { TRUE } from './queries.ts'
import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/** The columns of an index or constraint by name, with those of them whose NULL is compared with nothing. */
interface Compared {
  readonly kind: Comparison['kind']
  readonly columns: ReadonlySet<string>
  readonly skipsNull: ReadonlySet<string>
}

/**
 * By relation, what the server compares its rows with others by; CatalogRelation.comparisons. A row that is put into a
 * relation may go to one of its partitions, and one that is changed may be a child's. Nothing of views and foreign tables:
 * what they write to is elsewhere.
 */
export function comparisonsOf(snapshot: Snapshot): ReadonlyMap<string, readonly Comparison[]> {
  const names = new Map<string, Map<string, string>>()
  for (const [relation = '', attnum = '', name = ''] of snapshot.columns) {
    const known = names.get(relation) ?? new Map<string, string>()
    names.set(relation, known.set(attnum, name))
  }
  const own = comparedIn(snapshot, names)
  const parents = new Map<string, string[]>()
  for (const [child = '', parent = ''] of snapshot.inheritance) listAt(parents, child).push(parent)
  const compared = new Map<string, Compared[]>()
  // Each relation hands its own on to all that stand above it.
  for (const [oid, list] of own) {
    const reached = new Set([oid])
    for (const each of reached) {
      listAt(compared, each).push(...list)
      for (const next of parents.get(each) ?? []) reached.add(next)
    }
  }
  const defaults = defaultsOf(snapshot, names)
  const found = new Map<string, readonly Comparison[]>()
  for (const [oid = '', , , kind = ''] of snapshot.relations)
    if (kind === 'r' || kind === 'p')
      found.set(oid, distinct(compared.get(oid) ?? [], names.get(oid), defaults.get(oid)))
  return found
}

/** By relation and then by index or constraint. */
function comparedIn(
  { rowComparisons }: Snapshot,
  names: ReadonlyMap<string, ReadonlyMap<string, string>>,
): ReadonlyMap<string, readonly Compared[]> {
  const groups = new Map<
    string,
    { relation: string; columns: Set<string>; skipsNull: Set<string>; kind: Comparison['kind'] }
  >()
  for (const [relation = '', by = '', attnum = '', isSkipped] of rowComparisons) {
    const columns = names.get(relation) ?? new Map<string, string>()
    const kind = by.startsWith(CHECK) ? 'check' : 'rows'
    const group = groups.get(by) ?? { relation, kind, columns: new Set<string>(), skipsNull: new Set<string>() }
    groups.set(by, group)
    for (const name of attnum === '0' ? columns.values() : [columns.get(attnum)]) {
      if (name === undefined) continue
      group.columns.add(name)
      if (attnum !== '0' && isSkipped === TRUE) group.skipsNull.add(name)
    }
  }
  const found = new Map<string, Compared[]>()
  for (const { relation, ...compared } of groups.values()) listAt(found, relation).push(compared)
  return found
}

function defaultsOf(
  { columnDefaults }: Snapshot,
  names: ReadonlyMap<string, ReadonlyMap<string, string>>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const defaults = new Map<string, Set<string>>()
  for (const [relation = '', attnum = ''] of columnDefaults) {
    const name = names.get(relation)?.get(attnum)
    if (name !== undefined) defaults.set(relation, (defaults.get(relation) ?? new Set()).add(name))
  }
  return defaults
}

/** In terms of the columns that the relation itself has; those of its partitions are alike, and stand there once. */
function distinct(
  compared: readonly Compared[],
  names: ReadonlyMap<string, string> | undefined,
  defaults: ReadonlySet<string> | undefined,
): readonly Comparison[] {
  const known = new Set(names?.values())
  const found = new Map<string, Comparison>()
  for (const { kind, columns, skipsNull } of compared) {
    const mine = [...columns].filter(name => known.has(name)).sort()
    if (mine.length === 0) continue
    // What a child alone has is put there by its own default.
    const optional = mine.filter(name => skipsNull.has(name) && defaults?.has(name) !== true)
    found.set(JSON.stringify([kind, mine, optional]), { kind, columns: new Set(mine), optional: new Set(optional) })
  }
  return [...found.values()]
}
