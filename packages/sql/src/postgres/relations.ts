import {
  type Catalog,
  type CatalogRelation,
  type Place,
  relationKey,
  type UsedRelation,
} from '@querywarden/policy-core'
import { type Context, type RangeEntry, type Scope, type Touch, useStatement } from './context.ts'
import { type Node, nameParts, nodeAt, textAt } from './node.ts'
import { runRoutines } from './routines/find-routines.ts'
import { isSystemRelation, isSystemSchema, schemaRelation, valueColumn } from './system-relations.ts'

/** What a relation's name stands for. */
type Resolved =
  | { readonly kind: 'known'; readonly relation: CatalogRelation }
  | { readonly kind: 'schema-only'; readonly relation: UsedRelation }
  | { readonly kind: 'unknown'; readonly why: string }

/** Resolves a name as the server does: pg_catalog, then the search path. A qualified name stands for itself. */
export function resolveRelation({ catalog }: Pick<Context, 'catalog'>, schema: string, name: string): Resolved {
  let names = resolvedNames.get(catalog)
  if (names === undefined) {
    names = new Map()
    resolvedNames.set(catalog, names)
  }
  const known = names.get(schema)?.get(name)
  if (known !== undefined) return known
  const resolved = findRelation(catalog, schema, name)
  // There is no end of names that stand for nothing.
  if (resolved.kind === 'unknown') return resolved
  const inSchema = names.get(schema) ?? new Map<string, Resolved>()
  names.set(schema, inSchema.set(name, resolved))
  return resolved
}

/** What names stand for in a catalog, by the schema that they are written with and the name itself. */
const resolvedNames = new WeakMap<Catalog, Map<string, Map<string, Resolved>>>()

function findRelation({ relations, searchPath }: Catalog, schema: string, name: string): Resolved {
  const candidates = schema === '' ? ['pg_catalog', ...searchPath] : [schema]
  for (const candidate of candidates) {
    const shown = schemaRelation(candidate, name)
    if (shown !== null) return { kind: 'schema-only', relation: shown }
    if (isSystemRelation(candidate, name) || (schema !== '' && isSystemSchema(schema)))
      return { kind: 'unknown', why: `\`${candidate}.${name}\` may show more than the schema` }
    const relation = relations.get(relationKey({ schema: candidate, name }))
    if (relation !== undefined) return { kind: 'known', relation }
  }
  const written = schema === '' ? name : `${schema}.${name}`
  return { kind: 'unknown', why: `relation \`${written}\` is not in the catalog` }
}

/** The names of a relation's columns: the same set each time. */
export function columnNamesOf(relation: UsedRelation): ReadonlySet<string> {
  const known = columnNames.get(relation)
  if (known !== undefined) return known
  const names = new Set(relation.columns.map(column => column.name))
  columnNames.set(relation, names)
  return names
}

const columnNames = new WeakMap<UsedRelation, ReadonlySet<string>>()

/** Notes how the statement touches a relation. */
export function touchRelation(context: Context, schema: string, name: string, touch: Touch, place: Place): void {
  const resolved = resolveRelation(context, schema, name)
  if (resolved.kind === 'unknown') {
    // What is made by DDL isn't there yet: not knowing it is no doubt about what the statement does.
    const isNew = touch.access === 'ddl' && !isSystemSchema(schema)
    useStatement(context, isNew ? touch.effect : 'unknown', resolved.why, place)
    return
  }
  if (resolved.kind === 'schema-only' && touch.access !== 'select' && touch.access !== 'copy') {
    useStatement(context, 'unknown', `\`${name}\` is a system relation`, place)
    return
  }
  const { relation } = resolved
  const { access, effect, unbounded } = touch
  context.uses.push({
    kind: 'relation',
    effect,
    access,
    relation: asUsed(relation),
    unbounded,
    place,
  })
  if (resolved.kind !== 'known') return
  touchBehind(context, resolved.relation, touch, place)
  if (resolved.relation.opaque === null) return
  const { opaqueBy = [] } = resolved.relation
  if (opaqueBy.length > 0) runRoutines(context, opaqueBy, place)
  else useStatement(context, 'unknown', `\`${relation.schema}.${relation.name}\`: ${resolved.relation.opaque}`, place)
}

/** Views on views are followed so far; the server's own limit is its stack. */
const VIEWS_MAX = 100

/**
 * Notes what is written to by way of a view. Its columns stay with the view's: what may be read of a row, and what is
 * assigned to, is said of them.
 */
function touchBehind(context: Context, view: CatalogRelation, touch: Touch, place: Place): void {
  let next: CatalogRelation | undefined = view
  for (let count = 0; next?.writesTo?.accesses.includes(touch.access) === true; count += 1) {
    if (count === VIEWS_MAX) useStatement(context, 'unknown', 'writes through more views than are followed', place)
    if (count === VIEWS_MAX) return
    const base: CatalogRelation | undefined = context.catalog.relations.get(relationKey(next.writesTo.relation))
    if (base === undefined) return
    const { schema, name, oid, kind } = base
    context.uses.push({
      kind: 'relation',
      effect: touch.effect,
      access: touch.access,
      relation: { schema, name, oid, kind, columns: [] },
      unbounded: touch.unbounded,
      via: { kind: 'view', name: `${next.schema}.${next.name}` },
      place,
    })
    next = base
  }
}

/** A relation without what facts don't say of it. The same object each time: what is known of it is known again by it. */
export function asUsed(relation: UsedRelation): UsedRelation {
  const known = usedRelations.get(relation)
  if (known !== undefined) return known
  const { schema, name, oid, kind, columns, view } = relation
  const bare = { schema, name, oid, kind, columns }
  const used = view === undefined ? bare : { ...bare, view: { ...view, reads: view.reads.map(asUsed) } }
  usedRelations.set(relation, used)
  return used
}

const usedRelations = new WeakMap<UsedRelation, UsedRelation>()

/** Notes how the statement touches the relation of a RangeVar that can't be a WITH query. */
export function touchRange(context: Context, range: Node, touch: Touch): void {
  const place = context.places.of(range)
  noteRenaming(context, range)
  addRange(context, range, rangeEntry(context, range))
  if (textAt(range, 'catalogname') !== '') {
    // It would be read under a name that no mask is looked up by, so not even a policy that allows `unknown` may let it.
    context.prohibitions.push({
      code: 'UNSUPPORTED',
      message: 'a relation is named with its database, expected schema and name',
      hint: 'leave the database name out: the session is on that database',
      place,
    })
    useStatement(context, 'unknown', 'a relation named with its database', place)
    return
  }
  touchRelation(context, textAt(range, 'schemaname'), textAt(range, 'relname'), touch, place)
}

/** `r (a, b)` and `(r JOIN s …) AS j (a, b)` give columns new names: any of them may then be mentioned under one. */
export function noteRenaming(context: Context, item: Node): void {
  const alias = nodeAt(item, 'alias')
  if (alias !== null && nameParts(alias, 'colnames').length > 0)
    context.mentions.push({ name: '*', qualifier: [], place: context.places.of(item) })
}

/** Whether a RangeVar names a WITH query: only a bare name can. */
export const isCte = (range: Node, scope: Scope): boolean =>
  textAt(range, 'schemaname') === '' && textAt(range, 'catalogname') === '' && scope.ctes.has(textAt(range, 'relname'))

function rangeEntry(context: Context, range: Node): RangeEntry {
  const resolved = resolveRelation(context, textAt(range, 'schemaname'), textAt(range, 'relname'))
  if (resolved.kind === 'schema-only')
    return { kind: 'relation', columns: null, values: valueColumn(resolved.relation) }
  const columns = resolved.kind === 'known' ? columnNamesOf(resolved.relation) : null
  return { kind: 'relation', columns }
}

/** Notes what a name in FROM stands for: the alias, else the relation's own name. */
export function addRange(context: Context, range: Node, entry: RangeEntry): void {
  const alias = nodeAt(range, 'alias')
  const name = alias === null ? textAt(range, 'relname') : textAt(alias, 'aliasname')
  if (name === '') return
  const entries = context.ranges.get(name) ?? []
  entries.push(entry)
  context.ranges.set(name, entries)
}
