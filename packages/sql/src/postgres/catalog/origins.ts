import { TRUE } from './queries.ts'
import type { Snapshot } from './snapshot.ts'
import type { Types } from './types.ts'

/** A column as `relation oid.attnum`; attnum 0 stands for every column of the relation. */
type Key = string
const keyOf = (relation: string, attnum: string): Key => `${relation}.${attnum}`

/** Says which columns' values may show in a column, itself first. */
export type OriginsOf = (relation: string, attnum: string) => readonly Key[]

/**
 * Where values may come from. An edge goes from a column to one whose values it may show; what can be reached is where
 * the values may come from. Where the truth is finer than the system tables say, the coarser answer is taken.
 */
export function originsOf(snapshot: Snapshot, types: Types): OriginsOf {
  const edges = new Map<Key, Set<Key>>()
  const connect = (from: Key, to: Key): void => {
    const known = edges.get(from)
    if (known === undefined) edges.set(from, new Set([to]))
    else known.add(to)
  }
  connectRows(snapshot, types, connect)
  connectFamilies(snapshot, connect)
  // The words of a column can be read in the vector that a trigger makes of it.
  for (const [relation = '', attnum = '', source = ''] of [...snapshot.generated, ...snapshot.vectors]) {
    connect(keyOf(relation, attnum), keyOf(relation, source))
  }
  // Every value of a referencing column is one of the referenced.
  for (const [relation = '', attnum = '', referenced = '', source = ''] of snapshot.foreignKeys) {
    connect(keyOf(relation, attnum), keyOf(referenced, source))
  }
  connectViews(snapshot, connect)

  return (relation, attnum) => {
    const seen = new Set([keyOf(relation, attnum)])
    for (const key of seen) for (const next of edges.get(key) ?? []) seen.add(next)
    return [...seen].filter(key => !isWhole(key))
  }
}

const isWhole = (key: Key): boolean => key.endsWith('.0')

type Connect = (from: Key, to: Key) => void

/** A whole relation shows each of its columns, and a column of a row type shows the whole relation of that type. */
function connectRows(snapshot: Snapshot, types: Types, connect: Connect): void {
  for (const [relation = '', attnum = '', , type = ''] of snapshot.columns) {
    connect(keyOf(relation, '0'), keyOf(relation, attnum))
    for (const row of types.rowsIn(type)) connect(keyOf(relation, attnum), keyOf(row, '0'))
  }
}

/**
 * A parent shows its children's rows; and a row can be read by way of its parent, so what is hidden in the one is hidden
 * in the other. Columns are inherited by name, and numbered anew in the child.
 */
function connectFamilies(snapshot: Snapshot, connect: Connect): void {
  const columns = new Map<string, Map<string, string>>()
  for (const [relation = '', attnum = '', name = ''] of snapshot.columns) {
    const named = columns.get(relation) ?? new Map<string, string>()
    columns.set(relation, named.set(name, attnum))
  }
  for (const [child = '', parent = ''] of snapshot.inheritance) {
    for (const [name, attnum] of columns.get(parent) ?? []) {
      const inherited = columns.get(child)?.get(name)
      if (inherited === undefined) continue
      connect(keyOf(child, inherited), keyOf(parent, attnum))
      connect(keyOf(parent, attnum), keyOf(child, inherited))
    }
  }
}

/** Every column of a view may show every column that its definition reads, be it only in a condition. */
function connectViews(snapshot: Snapshot, connect: Connect): void {
  const wholeRow = new Set(snapshot.wholeRowViews.filter(row => row[1] === TRUE).map(row => row[0]))
  const reads = new Set(snapshot.viewReads.map(row => row[0]))
  for (const [view = '', relation = '', attnum = ''] of snapshot.viewReads) {
    connect(readsOf(view), keyOf(relation, wholeRow.has(view) ? '0' : attnum))
  }
  for (const [relation = '', attnum = ''] of snapshot.columns) {
    if (reads.has(relation)) connect(keyOf(relation, attnum), readsOf(relation))
  }
}

/** What a view's definition reads, as one step that all of its columns share. */
const readsOf = (view: string): Key => `${view} reads.0`
