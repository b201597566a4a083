import type { CatalogRelation } from '@querywarden/policy-core'
import fc from 'fast-check'
import type {
  DeleteStatement,
  Expr,
  InsertStatement,
  SelectedColumn,
  SetStatement,
  UpdateStatement,
} from 'pgsql-ast-parser'
import { outputsLike } from './outputs.ts'
import { choices, type PredicatePlan, predicatePlans, several, sometimes, valuePlans } from './plan.ts'
import { buildPredicate } from './predicates.ts'
import { printable } from './print.ts'
import { type Making, nameOf, read, type Scope, type ScopedColumn, scopeOf } from './scope.ts'
import { literalOf, type ValuePlan, valueTypeOf } from './value-types.ts'
import { assignableOf, pick } from './world.ts'

/** A change of rows, before it is about a table. */
export interface ChangePlan {
  readonly kind: 'insert' | 'update' | 'delete'
  readonly relation: number
  readonly columns: readonly number[]
  readonly rows: readonly ValuePlan[]
  /** Another relation that values come from: INSERT … SELECT, UPDATE … FROM. */
  readonly from: { readonly relation: number; readonly column: number } | null
  readonly where: WherePlan | null
  readonly returning: readonly number[] | null
  readonly isOnConflict: boolean
  readonly isBare: boolean
}

type WherePlan =
  | { readonly kind: 'condition'; readonly condition: PredicatePlan }
  /** Always true: as unbounded as none. */
  | { readonly kind: 'always'; readonly variant: number }

/** Changes of one kind. They shrink to one column, one row, and no condition. */
export const changePlans = (kind: ChangePlan['kind']): fc.Arbitrary<ChangePlan> =>
  fc.record({
    kind: fc.constant(kind),
    relation: choices(),
    columns: fc.tuple(choices(), several(choices(), [2, 3])).map(([first, more]) => [first, ...more]),
    rows: fc.array(valuePlans(), { minLength: 1, maxLength: 2 }),
    from: sometimes(fc.record({ relation: choices(), column: choices() })),
    where: sometimes(wherePlans(), 2),
    returning: sometimes(fc.array(choices(), { maxLength: 2 })),
    isOnConflict: sometimes(fc.constant(true)).map(value => value !== null),
    isBare: fc.boolean(),
  })

const wherePlans = (): fc.Arbitrary<WherePlan> =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: 7, arbitrary: fc.record({ kind: fc.constant('condition'), condition: predicatePlans() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('always'), variant: choices() }) },
  )

/** A change as a tree, with the names of what it returns. */
export interface BuiltChange {
  readonly tree: InsertStatement | UpdateStatement | DeleteStatement
  readonly outputs: readonly { readonly name: string; readonly typeOid: number }[]
}

/** Makes a change of a plan. `isNamed`: what it returns needs names, so there has to be something and no star. */
export function buildChange(making: Making, plan: ChangePlan, isNamed = false): BuiltChange {
  const relation = pick(making.world.writable, plan.relation)
  making.ledger.touch(relation, plan.kind, 'write')
  const table = nameOf(making.world, relation, plan.isBare)
  const isJoined = plan.kind === 'update' && plan.from !== null
  const columns = scopeOf(relation, isJoined ? { name: table.name } : null)
  const { returning, outputs } = returningOf(making, plan, columns, isNamed)
  switch (plan.kind) {
    case 'insert':
      return { tree: { ...insertOf(making, plan, relation), into: table, ...returning }, outputs }
    case 'update':
      return { tree: { ...updateOf(making, plan, relation, columns), table, ...returning }, outputs }
    case 'delete':
      return { tree: { type: 'delete', from: table, ...whereOf(making, plan, columns), ...returning }, outputs }
  }
}

function insertOf(making: Making, plan: ChangePlan, relation: CatalogRelation): Omit<InsertStatement, 'into'> {
  const targets = targetsOf(making, plan, relation)
  return {
    type: 'insert',
    columns: targets.map(({ name }) => ({ name: printable(name) })),
    insert:
      plan.from === null
        ? {
            type: 'values',
            values: plan.rows.map(row => targets.map(({ typeOid }) => literalOf(valueTypeOf(typeOid), row))),
          }
        : outputsLike(making, targets, plan.from),
    ...(plan.isOnConflict ? { onConflict: { do: 'do nothing' } } : {}),
  }
}

function updateOf(
  making: Making,
  plan: ChangePlan,
  relation: CatalogRelation,
  columns: readonly ScopedColumn[],
): Omit<UpdateStatement, 'table'> {
  const other = plan.from === null ? null : pick(making.world.readable, plan.from.relation)
  const alias = other === null ? '' : making.ledger.fresh('t')
  const others = other === null ? [] : scopeOf(other, { name: alias })
  if (other !== null) making.ledger.touch(other, 'select', 'read')
  const value = (typeOid: number): Expr => {
    const fitting = others.filter(column => column.typeOid === typeOid)
    return fitting.length > 0
      ? read(making, pick(fitting, plan.from?.column ?? 0))
      : literalOf(valueTypeOf(typeOid), pick(plan.rows, 0))
  }
  const sets: SetStatement[] = targetsOf(making, plan, relation).map(({ name, typeOid }) => ({
    column: { name: printable(name) },
    value: value(typeOid),
  }))
  const from =
    other === null ? {} : { from: { type: 'table' as const, name: { ...nameOf(making.world, other, false), alias } } }
  return { type: 'update', sets, ...from, ...whereOf(making, plan, [...columns, ...others]) }
}

/** The columns that are assigned to, each once. */
function targetsOf({ ledger }: Making, plan: ChangePlan, relation: CatalogRelation): ReturnType<typeof assignableOf> {
  const targets = [...new Set(plan.columns.map(column => pick(assignableOf(relation), column)))]
  for (const { name } of targets) ledger.assigns({ schema: relation.schema, name: relation.name, column: name })
  return targets
}

const ONE: Expr = { type: 'integer', value: 1 }
const ALWAYS: readonly Expr[] = [
  { type: 'boolean', value: true },
  { type: 'binary', op: '=', left: ONE, right: ONE },
]

function whereOf(making: Making, plan: ChangePlan, columns: readonly ScopedColumn[]): { readonly where?: Expr } {
  if (plan.where?.kind === 'condition') {
    const scope: Scope = { columns, outer: null }
    return { where: buildPredicate(making, plan.where.condition, scope) }
  }
  making.ledger.isUnbounded()
  return plan.where === null ? {} : { where: pick(ALWAYS, plan.where.variant) }
}

interface Returned {
  readonly returning: { readonly returning?: SelectedColumn[] }
  readonly outputs: BuiltChange['outputs']
}

function returningOf(making: Making, plan: ChangePlan, columns: readonly ScopedColumn[], isNamed: boolean): Returned {
  if (plan.returning === null && !isNamed) return { returning: {}, outputs: [] }
  const wanted = plan.returning ?? []
  const isJoined = plan.kind === 'update' && plan.from !== null
  if (wanted.length === 0 && !isNamed && !isJoined) {
    for (const column of columns) read(making, column)
    return { returning: { returning: [{ expr: { type: 'ref', name: '*' } }] }, outputs: [] }
  }
  const returned = (wanted.length === 0 ? [0] : wanted).map(column => pick(columns, column))
  return {
    returning: {
      returning: returned.map((column, i) => ({
        expr: read(making, column),
        ...(isNamed ? { alias: { name: `c${i}` } } : {}),
      })),
    },
    outputs: returned.map(({ typeOid }, i) => ({ name: `c${i}`, typeOid })),
  }
}
