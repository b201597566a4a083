import type { Catalog, CatalogRelation, UsedColumn } from '@querywarden/policy-core'
import { isPrintable } from './print.ts'

/** The relations of a catalog by what can be written about them. */
export interface World {
  readonly catalog: Catalog
  readonly readable: readonly CatalogRelation[]
  /** Tables without rules: a rule may make anything of a write, and the server refuses RETURNING on some. */
  readonly writable: readonly CatalogRelation[]
  /** Tables that share no column with partitions, children or parents: those can't be altered alone. */
  readonly alterable: readonly CatalogRelation[]
  readonly schemas: readonly string[]
}

/** Sorts out a catalog once for all statements about it. */
export function worldOf(catalog: Catalog): World {
  const readable = [...catalog.relations.values()].filter(
    relation =>
      isPrintable(relation.schema) &&
      isPrintable(relation.name) &&
      relation.kind !== 'catalog' &&
      columnsOf(relation).length > 0 &&
      !isSequence(relation),
  )
  const tables = readable.filter(({ kind }) => kind === 'table')
  return {
    catalog,
    readable,
    writable: tables.filter(
      relation => !relation.reactions.some(({ kind }) => kind === 'rule') && assignableOf(relation).length > 0,
    ),
    alterable: tables.filter(
      relation => assignableOf(relation).length > 0 && assignableOf(relation).every(isOwn(relation)),
    ),
    schemas: [...new Set(readable.map(({ schema }) => schema))],
  }
}

/** A sequence is a relation of these three columns, and takes no statement that a table takes. */
const isSequence = ({ columns }: CatalogRelation): boolean =>
  columns.map(({ name }) => name).join() === 'last_value,log_cnt,is_called'

/** The columns that can be named. */
export const columnsOf = ({ columns }: CatalogRelation): readonly UsedColumn[] =>
  columns.filter(({ name }) => isPrintable(name))

/** The columns that can be assigned to: a generated one can't be. */
export const assignableOf = (relation: CatalogRelation): readonly UsedColumn[] =>
  columnsOf(relation).filter(({ name }) => relation.generated?.has(name) !== true)

const isOwn =
  ({ schema, name }: CatalogRelation) =>
  (column: UsedColumn): boolean =>
    column.origins.every(origin => origin.schema === schema && origin.name === name)

/** One of a list by any number, so that a smaller number is an earlier one. */
export function pick<T>(list: readonly T[], index: number): T {
  const picked = list[index % list.length]
  if (picked === undefined) throw new Error('nothing to pick from')
  return picked
}
