import {
  type Catalog,
  type MaskedColumn,
  type MaskedRelation,
  type MaskSql,
  relationKey,
  type UsedRelation,
  type ViewColumns,
  type ViewDefinition,
} from '@querywarden/policy-core'
import type { Grammar } from '../../engine.ts'
import { type Impossible, impossible } from '../impossible.ts'
import { type MaskedQuery, maskedQuery } from '../masked-query.ts'
import { queryInPlace } from './in-place.ts'
import { type Copies, type MaskedByName, proveCopies } from './prove-copies.ts'
import { HINT, readDefinition } from './read-definition.ts'

/** What is put in the place of a relation where it is read. `as-is`: nothing has to be. */
export type StandIn = (MaskedQuery & Shown) | ({ readonly kind: 'as-is' } & Shown) | Impossible

interface Shown {
  readonly proven: readonly ViewColumns[]
  /** The columns that are their masks in what stands there. */
  readonly shown: readonly MaskedColumn[]
}

/** Gives what stands in for a relation. `isOnly` leaves out the rows of partitions and children; of a view it says nothing. */
export type StandIns = (masked: MaskedRelation, isOnly: boolean) => StandIn

export interface StandInTerms {
  /** By {@link relationKey}: those of the statement, and those that its views read. */
  readonly masks: ReadonlyMap<string, MaskedRelation>
  readonly maskSql: MaskSql
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly memory: QueryMemory
}

/**
 * What a rewriter has written, by the list of masked columns that each is for. A policy makes one such list for a relation
 * of a catalog, and another policy or catalog makes another.
 */
export type QueryMemory = WeakMap<MaskedRelation['columns'], readonly Written[]>

interface Written {
  readonly relation: UsedRelation
  readonly isOnly: boolean
  readonly maskSql: MaskSql
  readonly grammar: Grammar
  readonly standIn: StandIn
}

/** With and without ONLY, for a policy that two grammars read for a while. */
const WRITTEN_MAX = 4
/** Views on views; the server's own limit is its stack. */
const DEPTH_MAX = 32
/** UTF-16 units of what stands in for one view. Views on views multiply, and all of it is parsed again. */
const STAND_IN_CHARS_MAX = 65_536

/** Writes what stands in for relations: once each, however often they are read. */
export function standInMaker(terms: StandInTerms, depth = 0): StandIns {
  const { maskSql, grammar, memory } = terms
  return (masked, isOnly) => {
    const { relation, columns } = masked
    const written = memory.get(columns) ?? []
    const known = written.find(
      one => one.relation === relation && one.isOnly === isOnly && one.maskSql === maskSql && one.grammar === grammar,
    )
    if (known !== undefined) return known.standIn
    const standIn =
      relation.kind === 'derived' ? standInForView(terms, masked, depth) : standInForTable(terms, masked, isOnly)
    memory.set(columns, [...written, { relation, isOnly, maskSql, grammar, standIn }].slice(-WRITTEN_MAX))
    return standIn
  }
}

function standInForTable({ maskSql, grammar }: StandInTerms, masked: MaskedRelation, isOnly: boolean): StandIn {
  const query = maskedQuery(masked, isOnly, maskSql, grammar)
  return query.kind === 'query' ? { ...query, proven: [], shown: masked.columns } : query
}

/** A view is masked on its own columns where that is proven to be enough, and else replaced by its definition (decision 0009). */
function standInForView(terms: StandInTerms, masked: MaskedRelation, depth: number): StandIn {
  const { relation } = masked
  const { view } = relation
  const name = `the view \`${relation.schema}.${relation.name}\``
  if (view === undefined) return impossible(`what ${name} is made of is not known`, HINT)
  if (depth > DEPTH_MAX) return impossible(`${name} leads through more views than are followed`, HINT)
  const copies = copiesOf(terms, relation, depth)
  if (copies.kind === 'proven') return standInByColumns(terms, masked, copies.columns)
  if (view.isMaterialized) return impossible(`${name} stores rows that no mask reaches: ${copies.why}`, HINT)
  const why = whyNotInPlace(terms, relation, view)
  if (why !== null) return impossible(`${name} can not be replaced by its definition: ${why}`, HINT)
  const query = queryInPlace(masked, view, {
    ...terms,
    standIns: standInMaker(terms, depth + 1),
    charsMax: STAND_IN_CHARS_MAX,
  })
  return query.kind === 'impossible' ? { ...query, why: `${name} can not be read: ${query.why}`, place: null } : query
}

/** The view itself, with masks on those of its columns that show masked values, and on those that the policy names. */
function standInByColumns(terms: StandInTerms, masked: MaskedRelation, copies: MaskedByName): StandIn {
  const { relation } = masked
  const columns = [...withOwn(masked, copies).values()]
  const hidden = new Set(columns.map(({ column }) => column.attnum))
  const attnums = relation.columns.map(({ attnum }) => attnum).filter(attnum => !hidden.has(attnum))
  const proven = [{ oid: relation.oid, attnums }]
  if (columns.length === 0) return { kind: 'as-is', proven, shown: [] }
  const query = maskedQuery({ relation, columns }, false, terms.maskSql, terms.grammar)
  return query.kind === 'query' ? { ...query, proven, shown: columns } : query
}

/** With the masks that the policy puts on the view's own columns: the strictest, where there are both. */
function withOwn({ columns, own = [] }: MaskedRelation, copies: MaskedByName): MaskedByName {
  const found = new Map(copies)
  for (const mask of own) {
    const { name } = mask.column
    const strictest = copies.has(name) ? columns.find(({ column }) => column.name === name) : mask
    found.set(name, strictest ?? mask)
  }
  return found
}

/** Which of a view's columns are copies of masked ones, through views that it reads. */
function copiesOf(terms: StandInTerms, relation: UsedRelation, depth: number): Copies {
  const { view } = relation
  if (view === undefined || depth > DEPTH_MAX) return { kind: 'unproven', why: 'what it is made of is not known' }
  const definition = readDefinition(view, terms.catalog, terms.grammar)
  if (definition.kind === 'impossible') return { kind: 'unproven', why: definition.why }
  const names = new Map<string, MaskedByName>()
  for (const read of view.reads) {
    const masked = terms.masks.get(relationKey(read))
    if (masked === undefined) continue
    const hidden = read.kind === 'derived' ? hiddenIn(terms, masked, depth + 1) : byName(masked.columns)
    if (hidden === null)
      return { kind: 'unproven', why: `it reads \`${read.schema}.${read.name}\`, which computes with masked columns` }
    names.set(relationKey(read), hidden)
  }
  return proveCopies(relation, definition, names)
}

function hiddenIn(terms: StandInTerms, masked: MaskedRelation, depth: number): MaskedByName | null {
  const copies = copiesOf(terms, masked.relation, depth)
  return copies.kind === 'proven' ? withOwn(masked, copies.columns) : null
}

const byName = (columns: readonly MaskedColumn[]): MaskedByName =>
  new Map(columns.map(masked => [masked.column.name, masked]))

/**
 * A view reads with the rights of its owner, and so under the row policies that the owner is under. What stands in its place
 * reads as who asks: less or more rows, where there are such policies.
 */
function whyNotInPlace(terms: StandInTerms, relation: UsedRelation, view: ViewDefinition): string | null {
  const seen = new Set<string>()
  const guarded = (read: UsedRelation, isInvoker: boolean): boolean => {
    const key = `${isInvoker} ${relationKey(read)}`
    if (seen.has(key)) return false
    seen.add(key)
    const known = terms.catalog.relations.get(relationKey(read))
    if (known === undefined) return true
    if (read.view !== undefined) {
      const inner = isInvoker && read.view.isSecurityInvoker
      return read.view.reads.some(each => guarded(each, inner))
    }
    return !isInvoker && known.hasRowSecurity !== false
  }
  return view.reads.some(read => guarded(read, view.isSecurityInvoker))
    ? `row security policies of what \`${relation.name}\` reads hold for its owner`
    : null
}
