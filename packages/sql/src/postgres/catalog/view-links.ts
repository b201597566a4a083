import type { CatalogRelation, RelationName, ViewDefinition } from '@querywarden/policy-core'
import { relationKey } from '@querywarden/policy-core'

/** A relation in which a view says what it reads by name: as it is saved, or handed to a thread. */
export type UnlinkedRelation = Omit<CatalogRelation, 'view'> & {
  readonly view?: Omit<ViewDefinition, 'reads'> & { readonly reads: readonly RelationName[] }
}

/** A relation without the relations that it reads: what many views read would otherwise be copied as often. */
export function unlinked(relation: CatalogRelation): UnlinkedRelation {
  const { view } = relation
  if (view === undefined) return relation
  return { ...relation, view: { ...view, reads: view.reads.map(({ schema, name }) => ({ schema, name })) } }
}

/**
 * Gives relations by {@link relationKey} in which views read the very objects that the map holds. What a view reads and the
 * map doesn't have makes its definition unknown; so does a view that reads itself, by way of others too: CREATE OR REPLACE
 * VIEW can make such, which the server refuses to read.
 */
export function linked(relations: ReadonlyMap<string, UnlinkedRelation>): ReadonlyMap<string, CatalogRelation> {
  const done = new Map<string, CatalogRelation>()
  const open = new Set<string>()
  const link = (key: string): CatalogRelation | null => {
    const known = done.get(key)
    if (known !== undefined) return known
    const relation = relations.get(key)
    if (relation === undefined) return null
    if (open.has(key)) return null
    open.add(key)
    const made = withView(relation, name => link(relationKey(name)))
    open.delete(key)
    done.set(key, made)
    return made
  }
  return new Map(
    [...relations.keys()].flatMap(key => {
      const made = link(key)
      return made === null ? [] : [[key, made]]
    }),
  )
}

function withView(
  { view, ...relation }: UnlinkedRelation,
  linkedAs: (name: RelationName) => CatalogRelation | null,
): CatalogRelation {
  if (view === undefined) return relation
  const reads = view.reads.map(linkedAs)
  const known = reads.filter(read => read !== null)
  return known.length === reads.length ? { ...relation, view: { ...view, reads: known } } : relation
}
