import type { CatalogRelation, ColumnName } from '@querywarden/policy-core'
import type { Expr, ExprRef, From, QName, SelectStatement } from 'pgsql-ast-parser'
import type { Ledger } from './ledger.ts'
import type { ColumnPlan, QueryPlan } from './plan.ts'
import { printable } from './print.ts'
import { type ValueType, valueTypeOf } from './value-types.ts'
import { columnsOf, pick, type World } from './world.ts'

/** What a statement is made with. */
export interface Making {
  readonly world: World
  readonly ledger: Ledger
  /** How queries are made, for what holds queries and is part of them. */
  readonly query: (making: Making, plan: QueryPlan, position: QueryPosition) => BuiltQuery
}

/** A query as a tree, with the columns that it gives. */
export interface BuiltQuery {
  readonly tree: SelectStatement
  readonly outputs: readonly { readonly name: string; readonly typeOid: number }[]
}

/** Where a query stands. `isNamed`: what is around it needs its columns by name, so each has one of its own. */
export interface QueryPosition {
  readonly outer: Scope | null
  readonly isNamed: boolean
}

/** A column that an expression can name. */
export interface ScopedColumn {
  readonly name: string
  readonly ref: ExprRef
  /** The same from within a subquery, where the bare name may be another's. */
  readonly qualified: ExprRef
  readonly typeOid: number
  readonly type: ValueType | null
  /** The relation's own column behind it; null where it is what a subquery computes, whose reading is noted there. */
  readonly base: ColumnName | null
}

/** The columns in sight, and those of the query around. */
export interface Scope {
  readonly columns: readonly ScopedColumn[]
  readonly outer: Scope | null
}

/** What is in sight as a subquery sees it. */
export const seenFromWithin = (scope: Scope): Scope => ({
  ...scope,
  columns: scope.columns.map(column => ({ ...column, ref: column.qualified })),
})

/** One thing to select from, not joined to anything yet. */
export interface Source {
  readonly from: From
  readonly columns: readonly ScopedColumn[]
}

/** The columns of a relation, named by a qualifier or, where there is nothing to tell them from, without. */
export const scopeOf = (relation: CatalogRelation, table: QName | null): readonly ScopedColumn[] =>
  columnsOf(relation).map(column => ({
    name: column.name,
    ref: refTo(column.name, table),
    qualified: refTo(column.name, table ?? { name: printable(relation.name) }),
    typeOid: column.typeOid,
    type: valueTypeOf(column.typeOid),
    base: { schema: relation.schema, name: relation.name, column: column.name },
  }))

/** A reference as a tree. */
export const refTo = (column: string, table: QName | null): ExprRef => ({
  type: 'ref',
  name: printable(column),
  ...(table === null ? {} : { table }),
})

/** A relation's name as a tree; bare where asked for and where the search path leads there. */
export function nameOf({ catalog }: World, relation: CatalogRelation, isBare: boolean): QName {
  // pg_catalog stands before every search path.
  const isReached = catalog.searchPath[0] === relation.schema && !relation.name.startsWith('pg_')
  const name = printable(relation.name)
  return isBare && isReached ? { name } : { schema: printable(relation.schema), name }
}

/** Names a column, and notes that it is read. */
export function read({ ledger }: Making, column: ScopedColumn): Expr {
  if (column.base !== null) ledger.reads(column.base)
  return column.ref
}

/** The column that a plan means among those that fit; null where none does. */
export function columnFor(
  scope: Scope,
  plan: ColumnPlan,
  fits: (column: ScopedColumn) => boolean = () => true,
): ScopedColumn | null {
  const seen = plan.isOuter && scope.outer !== null ? scope.outer.columns : scope.columns
  const fitting = seen.filter(fits)
  return fitting.length === 0 ? null : pick(fitting, plan.column)
}

export const isOrdered = ({ type }: Pick<ScopedColumn, 'type'>): boolean => type?.isOrdered === true
export const isText = ({ type }: Pick<ScopedColumn, 'type'>): boolean => type?.family === 'text'
export const isNumber = ({ type }: Pick<ScopedColumn, 'type'>): boolean => type?.family === 'number'
