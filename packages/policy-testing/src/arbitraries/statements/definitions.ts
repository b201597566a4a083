import type { CatalogRelation } from '@querywarden/policy-core'
import fc from 'fast-check'
import type { AlterTableStatement, Statement as Tree } from 'pgsql-ast-parser'
import { choices, type QueryPlan, queryPlans } from './plan.ts'
import { printable } from './print.ts'
import { type Making, nameOf } from './scope.ts'
import { NEW_COLUMN_TYPES, valueTypeOf } from './value-types.ts'
import { assignableOf, pick } from './world.ts'
import type { Verb } from './written-statement.ts'

/** A change of the schema, before it is about anything. */
export type DefinitionPlan =
  | { readonly kind: 'create table'; readonly schema: number; readonly columns: readonly number[] }
  | { readonly kind: 'create view' | 'create materialized view'; readonly schema: number; readonly query: QueryPlan }
  | { readonly kind: 'create index' | 'drop table'; readonly relation: number; readonly column: number }
  | { readonly kind: 'comment'; readonly relation: number; readonly column: number; readonly isOnColumn: boolean }
  | { readonly kind: 'alter table'; readonly relation: number; readonly column: number; readonly change: number }
  | { readonly kind: 'create sequence' | 'create schema' | 'create type'; readonly schema: number }

/** Changes of the schema. They shrink to dropping a table. */
export const definitionPlans = (): fc.Arbitrary<DefinitionPlan> =>
  fc.oneof(
    { withCrossShrink: true },
    fc.record({ kind: fc.constant('drop table'), relation: choices(), column: choices() }),
    fc.record({ kind: fc.constant('alter table'), relation: choices(), column: choices(), change: choices() }),
    fc.record({ kind: fc.constant('create index'), relation: choices(), column: choices() }),
    fc.record({ kind: fc.constant('comment'), relation: choices(), column: choices(), isOnColumn: fc.boolean() }),
    fc.record({
      kind: fc.constant('create table'),
      schema: choices(),
      columns: fc.array(choices(), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({
      kind: fc.constantFrom('create view', 'create materialized view'),
      schema: choices(),
      query: queryPlans(),
    }),
    fc.record({ kind: fc.constantFrom('create sequence', 'create schema', 'create type'), schema: choices() }),
  )

/** Makes a change of the schema of a plan; null where the catalog has nothing that it could change. */
export function buildDefinition(making: Making, plan: DefinitionPlan): Tree | null {
  const { world, ledger } = making
  ledger.does('ddl')
  switch (plan.kind) {
    case 'create table':
    case 'create view':
    case 'create materialized view':
    case 'create sequence':
    case 'create schema':
    case 'create type':
      return creation(making, plan)
    default: {
      const relations = plan.kind === 'alter table' ? world.alterable : world.writable
      if (relations.length === 0) return null
      const relation = pick(relations, plan.relation)
      ledger.touch(relation, 'ddl', 'ddl')
      return changeOf(making, plan, relation)
    }
  }
}

type Creation = Exclude<DefinitionPlan, { readonly relation: number }>

function creation(making: Making, plan: Creation): Tree {
  const { world, ledger } = making
  const fresh = ledger.fresh('new_')
  const name = { schema: printable(pick(world.schemas, plan.schema)), name: fresh }
  switch (plan.kind) {
    case 'create table':
      return {
        type: 'create table',
        name,
        columns: plan.columns.map((type, i) => ({
          kind: 'column',
          name: { name: `c${i}` },
          dataType: { name: pick(NEW_COLUMN_TYPES, type) },
        })),
      }
    case 'create view':
      return { type: 'create view', name, query: making.query(making, plan.query, NAMED).tree }
    case 'create materialized view':
      ledger.does('write')
      return { type: 'create materialized view', name, query: making.query(making, plan.query, NAMED).tree }
    case 'create sequence':
      return { type: 'create sequence', name, options: {} }
    case 'create schema':
      return { type: 'create schema', name: { name: fresh } }
    case 'create type':
      return { type: 'create enum', name, values: [{ value: 'a' }, { value: 'b' }] }
  }
}

const NAMED = { outer: null, isNamed: true } as const

type Change = Extract<DefinitionPlan, { readonly relation: number }>

function changeOf(making: Making, plan: Change, relation: CatalogRelation): Tree | null {
  const table = nameOf(making.world, relation, false)
  switch (plan.kind) {
    case 'drop table':
      return { type: 'drop table', names: [table], cascade: 'cascade' }
    case 'alter table':
      return alteration(making, plan, relation)
    case 'create index': {
      const columns = assignableOf(relation).filter(({ typeOid }) => valueTypeOf(typeOid)?.isOrdered === true)
      if (columns.length === 0) return null
      const { name } = pick(columns, plan.column)
      making.ledger.reads({ schema: relation.schema, name: relation.name, column: name })
      return {
        type: 'create index',
        table,
        indexName: { name: making.ledger.fresh('new_') },
        expressions: [{ expression: { type: 'ref', name: printable(name) } }],
      }
    }
    case 'comment': {
      const column = printable(pick(assignableOf(relation), plan.column).name)
      const on = plan.isOnColumn
        ? ({ type: 'column', column: { ...schemaOf(relation), table: table.name, column } } as const)
        : ({ type: 'table', name: table } as const)
      return { type: 'comment', comment: 'seen', on }
    }
  }
}

const schemaOf = ({ schema }: CatalogRelation): { readonly schema: string } => ({ schema: printable(schema) })

function alteration(
  making: Making,
  plan: { readonly column: number; readonly change: number },
  relation: CatalogRelation,
): AlterTableStatement {
  const own = pick(assignableOf(relation), plan.column).name
  const column = { name: printable(own) }
  const to = { name: making.ledger.fresh('new_') }
  const changes: readonly AlterTableStatement['changes'][number][] = [
    { type: 'drop column', column, behaviour: 'cascade' },
    { type: 'add column', column: { kind: 'column', name: to, dataType: { name: 'text' } } },
    { type: 'rename column', column, to },
    { type: 'rename', to },
    { type: 'alter column', column, alter: { type: 'set not null' } },
    { type: 'alter column', column, alter: { type: 'drop default' } },
  ]
  return { type: 'alter table', table: nameOf(making.world, relation, false), changes: [pick(changes, plan.change)] }
}

/** The first words of a definition. */
export const verbOf = ({ kind }: DefinitionPlan): Verb => kind
