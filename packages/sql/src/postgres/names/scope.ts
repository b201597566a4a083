import type { ColumnName, RelationName, UsedColumn } from '@querywarden/policy-core'
import type { Flow, RowTypes } from './flow.ts'

/** A column of something in FROM, or of a query's result. */
export interface Field {
  readonly name: string
  /** What it is made of. Null for a relation's own column: each place that names it is a leaf. */
  readonly flow: Flow | null
  /** The relation's column that it is, unchanged; null where it is computed. */
  readonly column: ColumnName | null
  /** The value that the column is reached through, where it is one of a row that a function gives: then it is no copy. */
  readonly through?: Flow
  /** What it is a column of, where a join shows it and somebody watches. */
  readonly of?: Item
  /** What the catalog knows of that column. */
  readonly used: UsedColumn | null
}

/** Columns in their order. */
export interface Rows {
  readonly fields: readonly Field[]
  /** There are no others. */
  readonly isComplete: boolean
}

/** Is told what the left side of a set operation gives before the right side is bound, and says what the result is. */
export type OnLeft = (rows: Rows) => Rows

/** Something that columns are read from. */
export interface Item extends Rows {
  /** Its fields by name, where that was made already. */
  readonly byName: ReadonlyMap<string, Field> | null
  /** The relations that it may be; empty for a subquery or a function. */
  readonly relations: readonly RelationName[]
  /** Relations whose row type its rows may have, besides. */
  readonly rowTypes: RowTypes
  /** What a column that isn't in the fields is made of, where no relation has it. */
  readonly rest: Flow | null
  /** The value of its whole row, once one was made. */
  whole: Flow | null
}

/** An item under its name. */
export interface Entry {
  /** Empty for what can't be named. */
  readonly name: string
  readonly item: Item
  /** A name qualified with it means it. A join's alias hides what is in the join. */
  readonly isNamed: boolean
  /** A bare column may be of it. */
  readonly isOpen: boolean
  /** It has an alias, so the schema of its relation can't be named with it. */
  readonly isAliased: boolean
}

/** A WITH query, bound when it is first needed. */
export interface WithQuery {
  readonly rows: () => Rows
}

/** The WITH queries in sight, innermost first. */
export interface WithQueries {
  readonly queries: Map<string, WithQuery>
  readonly outer: WithQueries | null
}

/** What names mean at one place: the items of this query, then those of the queries around it. */
export interface Scope {
  readonly entries: readonly Entry[]
  readonly outer: Scope | null
  readonly withQueries: WithQueries | null
}

/** A FROM clause while it is bound: what stands in it so far can be seen by LATERAL items. */
export interface FromScope extends Scope {
  readonly entries: Entry[]
  readonly outer: Scope
}

/** The scope of a query whose FROM is about to be bound. `outer` is what its WITH clause and the queries around it give. */
export const fromScope = (outer: Scope): FromScope => ({ entries: [], outer, withQueries: outer.withQueries })

/** Outside of all queries. */
export const NOWHERE: Scope = { entries: [], outer: null, withQueries: null }

/** A query's own scope, inside of another. */
export const inside = (outer: Scope, entries: readonly Entry[]): Scope => ({
  entries,
  outer,
  withQueries: outer.withQueries,
})

/** Finds a WITH query by name. */
export function withQueryNamed(scope: Scope, name: string): WithQuery | null {
  for (let at = scope.withQueries; at !== null; at = at.outer) {
    const found = at.queries.get(name)
    if (found !== undefined) return found
  }
  return null
}
