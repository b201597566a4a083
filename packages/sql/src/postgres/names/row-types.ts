import { type RelationName, relationKey, type UsedColumn } from '@querywarden/policy-core'
import { type Node, nameParts } from '../node.ts'
import { resolveRelation } from '../relations.ts'
import type { Binder } from './binder.ts'
import type { Flow, RowTypes } from './flow.ts'
import { fieldsOfRelation } from './items.ts'

/** The relation whose row type a TypeName names, or null. */
export function rowTypeNamed(binder: Binder, type: Node): RelationName | null {
  const names = nameParts(type, 'names')
  return names.length > 1 && names[0] === 'pg_catalog' ? null : relationOfType(binder, names)
}

/** The relation whose row type is written as the server writes types: `customers`, `crm."Contacts"[]`; or null. */
export const rowTypeWritten = (binder: Binder, type: string): RelationName | null =>
  relationOfType(
    binder,
    [...type.replace(/(\[\])+$/, '').matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
    ),
  )

function relationOfType(binder: Binder, names: readonly string[]): RelationName | null {
  const resolved = resolveRelation(binder, names.at(-2) ?? '', names.at(-1) ?? '')
  return resolved.kind === 'known' ? resolved.relation : null
}

/** The relations whose rows may be in what a value is made of. */
export function rowTypesIn(binder: Binder, flow: Flow): RowTypes {
  const found: RelationName[] = []
  const seen = new Set([flow])
  for (const { rowTypes, column, from } of seen) {
    if (rowTypes === 'any') return 'any'
    found.push(...rowTypes)
    for (const source of from) seen.add(source)
    const used = column === null ? null : usedColumn(binder, column)
    const row = used === null ? null : rowTypeWritten(binder, used.type)
    if (row !== null) found.push(row)
  }
  return [...new Map(found.map(relation => [relationKey(relation), relation])).values()]
}

/** The relations that the columns come from which a value is made of: a row deep in one of them may be one of theirs. */
export function sourcesOf(binder: Binder, flow: Flow): readonly RelationName[] {
  const found = new Map<string, RelationName>()
  const seen = new Set([flow])
  for (const { column, from } of seen) {
    for (const source of from) seen.add(source)
    const used = column === null ? null : usedColumn(binder, column)
    if (used === null || isScalar(used.type)) continue
    for (const origin of used.origins) found.set(relationKey(origin), origin)
  }
  return [...found.values()]
}

function usedColumn(binder: Binder, column: NonNullable<Flow['column']>): UsedColumn | null {
  const relation = binder.catalog.relations.get(relationKey(column))
  return relation === undefined ? null : (fieldsOfRelation(relation).byName.get(column.column)?.used ?? null)
}

/** Whether a type, as the server writes it, is one of its own that surely is no row. */
export const isScalar = (type: string): boolean => SCALAR.test(type)

const SCALAR =
  /^(?:bigint|boolean|bytea|character(?: varying)?(?:\(\d+\))?|date|double precision|integer|jsonb?|numeric(?:\(\d+,\d+\))?|real|smallint|text|timestamp with(?:out)? time zone|uuid|void)$/
