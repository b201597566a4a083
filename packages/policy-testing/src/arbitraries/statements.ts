import type { Catalog, CatalogRelation } from '@querywarden/policy-core'
import fc from 'fast-check'
import { type Expr, type QName, type Statement as Tree, toSql } from 'pgsql-ast-parser'

/** A statement with the relation it is about. */
export interface WrittenStatement {
  readonly text: string
  readonly relation: CatalogRelation
  readonly verb: 'select' | 'insert' | 'update' | 'delete'
}

/**
 * SQL about the relations of a catalog, made as trees and printed: simple, valid, and never read back by the printer's
 * own parser. Relations and columns whose names hold a double quote are left out, since the printer can't quote one.
 */
export const statements = (catalog: Catalog): fc.Arbitrary<WrittenStatement> =>
  fc.constantFrom(...writable(catalog)).chain(relation =>
    fc
      .record({
        verb: fc.constantFrom('select' as const, 'insert' as const, 'update' as const, 'delete' as const),
        columns: fc.subarray(namesOf(relation), { minLength: 1 }),
        condition: fc.option(conditions(namesOf(relation)), { freq: 3 }),
        value: values(),
      })
      .map(parts => ({ relation, verb: parts.verb, text: toSql.statement(treeOf(relation, parts)) })),
  )

const writable = (catalog: Catalog): readonly CatalogRelation[] =>
  [...catalog.relations.values()].filter(
    relation => [relation.schema, relation.name].every(isPrintable) && namesOf(relation).length > 0,
  )

const namesOf = ({ columns }: CatalogRelation): string[] => columns.map(({ name }) => name).filter(isPrintable)

const isPrintable = (name: string): boolean => !/["\p{Cc}]/u.test(name)

interface Parts {
  readonly verb: WrittenStatement['verb']
  readonly columns: readonly string[]
  readonly condition: Expr | null
  readonly value: Expr
}

function treeOf({ schema, name }: CatalogRelation, { verb, columns, condition, value }: Parts): Tree {
  const relation: QName = { schema, name }
  const where = condition === null ? {} : { where: condition }
  switch (verb) {
    case 'select':
      return {
        type: 'select',
        columns: columns.map(column => ({ expr: { type: 'ref', name: column } })),
        from: [{ type: 'table', name: relation }],
        ...where,
      }
    case 'insert':
      return {
        type: 'insert',
        into: relation,
        columns: columns.map(column => ({ name: column })),
        insert: { type: 'values', values: [columns.map(() => value)] },
      }
    case 'update':
      return {
        type: 'update',
        table: relation,
        sets: columns.map(column => ({ column: { name: column }, value })),
        ...where,
      }
    case 'delete':
      return { type: 'delete', from: relation, ...where }
  }
}

const values = (): fc.Arbitrary<Expr> =>
  fc.oneof(
    fc.nat(1_000).map((value): Expr => ({ type: 'integer', value })),
    fc.string({ maxLength: 8 }).map((value): Expr => ({ type: 'string', value: value.replaceAll(/[\\\p{Cc}]/gu, '') })),
    fc.constant<Expr>({ type: 'null' }),
  )

const conditions = (columns: readonly string[]): fc.Arbitrary<Expr> =>
  fc
    .tuple(fc.constantFrom(...columns), values(), fc.constantFrom('=' as const, '<' as const, '!=' as const))
    .map(([column, right, op]) => ({ type: 'binary', op, left: { type: 'ref', name: column }, right }))

/** Any text at all: every code unit, so halves of surrogate pairs and NUL too, and fragments that look like SQL. */
export const hostileTexts = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.nat(0xffff), { maxLength: 40 }).map(units => String.fromCharCode(...units)),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 20 }).map(parts => parts.join(' ')),
    fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 20 }).map(parts => parts.join('')),
  )

const FRAGMENTS = [
  'select',
  'from',
  'where',
  'delete',
  'with',
  'as',
  'union',
  'all',
  'customers',
  'public.',
  '*',
  '(',
  ')',
  ',',
  ';',
  "'",
  '"',
  '$$',
  '$a$',
  "e'\\",
  "U&'",
  '--',
  '/*',
  '*/',
  '\n',
  '\r',
  '1',
  '.',
  '::',
  '$1',
  '\u{0}',
  '\u{d800}',
  'é',
  '\u{202e}',
]
