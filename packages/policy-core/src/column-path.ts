import { type Catalog, type ColumnSource, relationKey } from './catalog.ts'
import type { ColumnName, RelationName } from './facts.ts'

/** One step of a path: `to` may show in what the step before led to, because of `kind`. */
export interface PathStep {
  readonly kind: ColumnSource['kind']
  readonly to: ColumnName
}

/** A column, or a whole row where `column` is null. */
interface Node extends RelationName {
  readonly column: string | null
}

interface Reached {
  readonly before: Reached | null
  readonly kind: ColumnSource['kind'] | null
  readonly node: Node
}

/**
 * Finds the shortest path from a column to each of its origins, by the sources that the catalog gives for relations. Null
 * where there is none, which a catalog that has no sources leaves open.
 *
 * @example
 * const pathTo = columnPaths(catalog, { schema: 'public', name: 'v', column: 'x' })
 * pathTo({ schema: 'public', name: 'customers', column: 'ssn' }) // [{ kind: 'view', to: … }]
 */
export function columnPaths(catalog: Catalog, start: ColumnName): (origin: ColumnName) => readonly PathStep[] | null {
  const found = new Map<string, Reached>()
  const reach = (reached: Reached): void => {
    const key = keyOf(reached.node)
    if (!found.has(key)) found.set(key, reached)
  }
  reach({ before: null, kind: null, node: start })
  // A map's iteration comes to what is added on the way: those that fewer steps lead to come first.
  for (const reached of found.values())
    for (const next of nextOf(catalog, reached.node)) reach({ before: reached, ...next })
  return origin => {
    const reached = found.get(keyOf(origin)) ?? found.get(keyOf({ ...origin, column: null }))
    return reached === undefined ? null : pathOf(reached, origin)
  }
}

const keyOf = ({ schema, name, column }: Node): string => JSON.stringify([schema, name, column])

type Next = Pick<Reached, 'kind' | 'node'>

function nextOf({ relations }: Catalog, node: Node): readonly Next[] {
  const relation = relations.get(relationKey(node))
  if (relation === undefined) return []
  const { schema, name, column } = node
  if (column === null) return relation.columns.map(each => ({ kind: null, node: { schema, name, column: each.name } }))
  return (relation.sources ?? []).flatMap((source): readonly Next[] => {
    const { kind, from } = source
    const at = (of: string | null): Next => ({ kind, node: { schema: from.schema, name: from.name, column: of } })
    if ('columns' in source) return source.columns === null ? [at(null)] : source.columns.map(at)
    if ('column' in source) return source.column === column ? [at(source.of)] : []
    const known = relations.get(relationKey(from))
    return known?.columns.some(each => each.name === column) === true ? [at(column)] : []
  })
}

/** A whole row and the column that was picked of it are one step. */
function pathOf(last: Reached, origin: ColumnName): readonly PathStep[] {
  const steps: PathStep[] = []
  let to = origin
  for (let at: Reached | null = last; at !== null; at = at.before) {
    if (at.node.column !== null && at.kind === null) to = { ...at.node, column: at.node.column }
    if (at.kind === null) continue
    steps.unshift({ kind: at.kind, to: at.node.column === null ? to : { ...at.node, column: at.node.column } })
  }
  return steps
}
