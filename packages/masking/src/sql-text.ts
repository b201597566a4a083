import type { ColumnType } from './column-type.ts'

/** Calls a function of pg_catalog. Functions rather than operators: neither can be retargeted by a search_path. */
export const call = (name: string, ...args: readonly string[]): string => `pg_catalog.${name}(${args.join(', ')})`

/** An explicit cast. To varchar(n), char(n) and name it cuts silently; it never raises for them. */
export const cast = (expression: string, type: string): string => `CAST(${expression} AS ${type})`

/**
 * A string literal that reads the same whatever standard_conforming_strings says: a text with backslashes is written as
 * an escape string.
 */
export function literal(text: string): string {
  const quoted = text.replaceAll("'", "''")
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`
}

/** Compares and searches by code point. Functions that search refuse non-deterministic collations, which raises. */
export const byCodePoint = (expression: string): string => `(${expression} COLLATE pg_catalog."C")`

/**
 * An expression of exactly the column's type, modifier and collation. The branch that is never taken lends the collation,
 * which no cast can name; the planner folds it away.
 */
export const likeColumn = (reference: string, expression: string, type: string): string =>
  `CASE WHEN false THEN ${reference} ELSE ${cast(expression, type)} END`

/**
 * NULL of the column's type. Where the type can't be spelled, an empty scalar subquery takes it from the column itself,
 * and also passes by the constraint of a NOT NULL domain, on which a cast would raise.
 */
export const nullOf = (reference: string, type: ColumnType): string =>
  type.sql === null ? `(SELECT ${reference} WHERE false)` : likeColumn(reference, 'NULL', type.sql)
