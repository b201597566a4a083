import { type RelationName, relationKey, type UsedColumn } from '@querywarden/policy-core'
import { nameParts, type TypedNode } from '../node.ts'
import { resolveRelation } from '../relations.ts'
import type { Binder } from './binder.ts'
import { builtInName } from './built-in-calls.ts'
import type { Flow } from './flow.ts'
import { fieldsOfRelation } from './items.ts'
import type { RowTypes } from './scope.ts'

/**
 * The relations whose rows an expression may give. A function of this database may give those of any; one of the
 * server's gives rows of a type that is written in its arguments.
 */
export function rowTypesOf(binder: Binder, expression: TypedNode): RowTypes {
  const found: RelationName[] = []
  const pending: unknown[] = [{ [expression.type]: expression.body }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue
    for (const [field, held] of Object.entries(next)) {
      // What a constant says is no type, and isn't looked at.
      if (field === 'A_Const') continue
      if (field === 'FuncCall' && isOther(binder, held)) return 'any'
      if (field === 'typeName') found.push(...relationsOfType(binder, held))
      if (typeof held === 'object') pending.push(held)
    }
  }
  return found
}

const isOther = (binder: Binder, call: unknown): boolean =>
  typeof call === 'object' && call !== null && builtInName(binder, { ...call }) === null

/** The relation whose row type a TypeName names. */
function relationsOfType(binder: Binder, type: unknown): readonly RelationName[] {
  if (typeof type !== 'object' || type === null) return []
  const names = nameParts({ ...type }, 'names')
  const resolved = resolveRelation(binder, names.at(-2) ?? '', names.at(-1) ?? '')
  return resolved.kind === 'known' ? [resolved.relation] : []
}

/** The relation whose rows a column holds, by its type; null where it holds none. */
export function rowTypeOfColumn(binder: Binder, { type }: UsedColumn): RelationName | null {
  const parts = [...type.replace(/(\[\])+$/, '').matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  )
  const resolved = resolveRelation(binder, parts.at(-2) ?? '', parts.at(-1) ?? '')
  return resolved.kind === 'known' ? resolved.relation : null
}

/** The relations whose rows may be in the columns that a value is made of. */
export function rowTypesIn(binder: Binder, flow: Flow): readonly RelationName[] {
  const found: RelationName[] = []
  const seen = new Set([flow])
  for (const { column, from } of seen) {
    for (const source of from) seen.add(source)
    const relation = column === null ? undefined : binder.catalog.relations.get(relationKey(column))
    if (column === null || relation === undefined) continue
    const used = fieldsOfRelation(relation).byName.get(column.column)?.used ?? null
    if (used === null) continue
    const row = rowTypeOfColumn(binder, used)
    if (row !== null) found.push(row)
    found.push(...used.origins)
  }
  return found
}
