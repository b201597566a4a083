import type { ColumnName, ColumnSource, RelationName } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'
import type { Types } from './types.ts'

/** A column as `relation oid.attnum`; attnum 0 stands for every column of the relation. */
export type Key = string
const keyOf = (relation: string, attnum: string): Key => `${relation}.${attnum}`

/** Where the values of columns come from. */
export interface Lineage {
  /** Which columns' values may show in a column, itself first. */
  readonly origins: (relation: string, attnum: string) => readonly Key[]
  /** The name of an origin. */
  readonly nameOf: (key: Key) => ColumnName | undefined
  /** By relation, the steps that lead there. */
  readonly sources: ReadonlyMap<string, readonly ColumnSource[]>
}

/**
 * Where values may come from. An edge goes from a column to one whose values it may show; what can be reached is where
 * the values may come from. Where the truth is finer than the system tables say, the coarser answer is taken.
 */
export function lineageOf(snapshot: Snapshot, types: Types): Lineage {
  const graph = openGraph(snapshot)
  connectRows(snapshot, types, graph)
  connectFamilies(snapshot, graph)
  for (const [relation = '', attnum = '', source = ''] of snapshot.generated)
    graph.step('generated column', relation, attnum, relation, source)
  // The words of a column can be read in the vector that a trigger makes of it.
  for (const [relation = '', attnum = '', source = ''] of snapshot.vectors)
    graph.step('text search vector', relation, attnum, relation, source)
  // Every value of a referencing column is one of the referenced.
  for (const [relation = '', attnum = '', referenced = '', source = ''] of snapshot.foreignKeys)
    graph.step('foreign key', relation, attnum, referenced, source)
  connectTypedTables(snapshot, graph)
  connectForeign(snapshot, graph)
  connectViews(snapshot, graph)
  const { edges, names, sources } = graph
  return {
    origins: (relation, attnum) => {
      const seen = new Set([keyOf(relation, attnum)])
      for (const key of seen) for (const next of edges.get(key) ?? []) seen.add(next)
      return [...seen].filter(key => !isWhole(key))
    },
    nameOf: key => names.get(key),
    sources,
  }
}

const isWhole = (key: Key): boolean => key.endsWith('.0')

type StepKind = Extract<ColumnSource, { column: string }>['kind']

interface Graph {
  readonly edges: Map<Key, Set<Key>>
  readonly names: Map<Key, ColumnName>
  readonly paths: ReadonlyMap<string, RelationName>
  readonly sources: Map<string, ColumnSource[]>
  readonly connect: (from: Key, to: Key) => void
  readonly explain: (relation: string, source: ColumnSource) => void
  /** Both, for a column that shows another one, or the whole row where `attnum` is 0. */
  readonly step: (kind: StepKind, relation: string, column: string, from: string, attnum: string) => void
}

function openGraph(snapshot: Snapshot): Graph {
  const edges = new Map<Key, Set<Key>>()
  const sources = new Map<string, ColumnSource[]>()
  const paths = pathsOf(snapshot)
  const names = new Map<Key, ColumnName>()
  for (const [relation = '', attnum = '', column = ''] of snapshot.columns) {
    const path = paths.get(relation)
    if (path !== undefined) names.set(keyOf(relation, attnum), { ...path, column })
  }
  const connect = (from: Key, to: Key): void => {
    const known = edges.get(from)
    if (known === undefined) edges.set(from, new Set([to]))
    else known.add(to)
  }
  const explain = (relation: string, source: ColumnSource): unknown => listAt(sources, relation).push(source)
  const step: Graph['step'] = (kind, relation, column, from, attnum) => {
    connect(keyOf(relation, column), keyOf(from, attnum))
    const [name, path] = [names.get(keyOf(relation, column)), paths.get(from)]
    if (name === undefined || path === undefined) return
    explain(relation, { kind, from: path, column: name.column, of: names.get(keyOf(from, attnum))?.column ?? null })
  }
  return { edges, names, paths, sources, connect, explain, step }
}

/** Relations by their oids, and composite types by those of the relations that hold their attributes. */
const pathsOf = ({ relations, columnTypes }: Snapshot): ReadonlyMap<string, RelationName> =>
  new Map([
    ...columnTypes.flatMap(([, schema = '', name = '', relation = '0']) =>
      relation === '0' ? [] : [[relation, { schema, name }] as const],
    ),
    ...relations.map(([oid = '', schema = '', name = '']) => [oid, { schema, name }] as const),
  ])

/** A whole relation shows each of its columns, and a column of a row type shows the whole relation of that type. */
function connectRows(snapshot: Snapshot, types: Types, { connect, step }: Graph): void {
  for (const [relation = '', attnum = '', , type = ''] of snapshot.columns) {
    connect(keyOf(relation, '0'), keyOf(relation, attnum))
    for (const row of types.rowsIn(type)) step('row type', relation, attnum, row, '0')
  }
}

/** By relation, the numbers of columns by their names. */
function numbersOf({ columns }: Snapshot): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const numbers = new Map<string, Map<string, string>>()
  for (const [relation = '', attnum = '', name = ''] of columns) {
    const known = numbers.get(relation) ?? new Map<string, string>()
    numbers.set(relation, known.set(name, attnum))
  }
  return numbers
}

/**
 * A parent shows its children's rows; and a row can be read by way of its parent, so what is hidden in the one is hidden
 * in the other. Columns are inherited by name, and numbered anew in the child.
 */
function connectFamilies(snapshot: Snapshot, { connect, explain, paths }: Graph): void {
  if (snapshot.inheritance.length === 0) return
  const columns = numbersOf(snapshot)
  const partitions = new Set(snapshot.relations.flatMap(row => (row[4] === TRUE ? [row[0]] : [])))
  for (const [child = '', parent = ''] of snapshot.inheritance) {
    for (const [name, attnum] of columns.get(parent) ?? []) {
      const inherited = columns.get(child)?.get(name)
      if (inherited === undefined) continue
      connect(keyOf(child, inherited), keyOf(parent, attnum))
      connect(keyOf(parent, attnum), keyOf(child, inherited))
    }
    const [below, above] = [paths.get(child), paths.get(parent)]
    if (below === undefined || above === undefined) continue
    const isPartition = partitions.has(child)
    explain(parent, { kind: isPartition ? 'partition' : 'child', from: below })
    explain(child, { kind: isPartition ? 'partitioned table' : 'parent', from: above })
  }
}

/** The columns of a table of a composite type are its attributes. */
function connectTypedTables(snapshot: Snapshot, { step }: Graph): void {
  if (snapshot.typedTables.length === 0) return
  const columns = numbersOf(snapshot)
  for (const [table = '', type = ''] of snapshot.typedTables) {
    for (const [name, attnum] of columns.get(table) ?? []) {
      const attribute = columns.get(type)?.get(name)
      if (attribute !== undefined) step('table of a type', table, attnum, type, attribute)
    }
  }
}

/**
 * What is behind a foreign table can't be known: the server may be this very one. So it shows what goes by the name on the
 * other side, be it here or there, with whatever that may show here.
 */
function connectForeign(snapshot: Snapshot, { connect, explain, names }: Graph): void {
  const keys = new Map(
    [...names].map(([key, { schema, name, column }]) => [JSON.stringify([schema, name, column]), key]),
  )
  for (const [relation = '', attnum = '', schema = '', name = '', column = ''] of snapshot.foreignColumns) {
    const [from, remote] = [keyOf(relation, attnum), JSON.stringify([schema, name, column])]
    const key = keys.get(remote) ?? remote
    const own = names.get(from)
    if (key === from || own === undefined) continue
    names.set(key, { schema, name, column })
    connect(from, key)
    explain(relation, { kind: 'foreign table', from: { schema, name }, column: own.column, of: column })
  }
}

/** Every column of a view may show every column that its definition reads, be it only in a condition. */
function connectViews(snapshot: Snapshot, { connect, explain, names, paths }: Graph): void {
  const wholeRow = new Set(snapshot.wholeRowViews.filter(row => row[1] === TRUE).map(row => row[0]))
  const stored = new Set(snapshot.relations.flatMap(row => (row[3] === 'm' ? [row[0]] : [])))
  const reads = new Map<string, Map<string, string[]>>()
  for (const [view = '', relation = '', attnum = ''] of snapshot.viewReads) {
    connect(readsOf(view), keyOf(relation, wholeRow.has(view) ? '0' : attnum))
    const known = reads.get(view) ?? new Map<string, string[]>()
    reads.set(view, known)
    listAt(known, relation).push(attnum)
  }
  for (const [relation = '', attnum = ''] of snapshot.columns) {
    if (reads.has(relation)) connect(keyOf(relation, attnum), readsOf(relation))
  }
  for (const [view, relations] of reads) {
    for (const [relation, numbers] of relations) {
      const from = paths.get(relation)
      if (from === undefined || !paths.has(view)) continue
      const isWholly = wholeRow.has(view) || numbers.includes('0')
      const columns = numbers.flatMap(attnum => names.get(keyOf(relation, attnum))?.column ?? [])
      explain(view, {
        kind: stored.has(view) ? 'materialized view' : 'view',
        from,
        columns: isWholly ? null : columns,
      })
    }
  }
}

/** What a view's definition reads, as one step that all of its columns share. */
const readsOf = (view: string): Key => `${view} reads.0`
