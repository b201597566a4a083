import type { Expr, From, OrderByStatement, SelectedColumn, SelectFromStatement } from 'pgsql-ast-parser'
import { buildJoin } from './joins.ts'
import { buildOutput, type Output, outputsLike } from './outputs.ts'
import type { GroupingPlan, QueryPlan, SourcePlan } from './plan.ts'
import { buildPredicate } from './predicates.ts'
import {
  type BuiltQuery,
  columnFor,
  isNumber,
  isOrdered,
  type Making,
  nameOf,
  type QueryPosition,
  read,
  refTo,
  type Scope,
  type ScopedColumn,
  type Source,
  scopeOf,
} from './scope.ts'
import { valueTypeOf } from './value-types.ts'
import { pick } from './world.ts'

/** Makes a query of a plan, noting in the ledger what it does. */
export function buildQuery(making: Making, plan: QueryPlan, position: QueryPosition): BuiltQuery {
  const isNested = position.isNamed || position.outer !== null
  const isQualified = plan.isAliased || plan.joins.length > 0 || isNested
  const first = buildSource(making, plan.source, isQualified)
  const { from, columns } = plan.joins.reduce(
    (joined, join) => buildJoin(making, joined, join, buildSource(making, join.source, true)),
    { from: [first.from] as readonly From[], columns: first.columns, joinable: first.columns },
  )
  const scope: Scope = { columns, outer: position.outer }
  const grouping = plan.grouping
  const isStar = grouping === null && plan.outputs.length === 0 && !(position.isNamed && plan.joins.length > 0)
  const outputs = grouping === null ? rowOutputs(making, plan, scope, isStar) : groupOutputs(making, grouping, scope)
  const isNaming = position.isNamed || plan.isAliased
  const where = plan.where === null ? {} : { where: buildPredicate(making, plan.where, scope) }
  const tree: SelectFromStatement = {
    type: 'select',
    columns: isStar
      ? [{ expr: { type: 'ref', name: '*' } }]
      : outputs.map((output, i) => (isNaming ? aliased(output, nameAt(i, position.isNamed)) : { expr: output.expr })),
    from: [...from],
    ...where,
    ...(grouping === null ? {} : groupBy(making, grouping, scope)),
    ...tail(making, plan, scope, outputs, isNested),
  }
  const given = outputs.map((output, i) => ({
    name: isStar ? output.name : isNaming ? nameAt(i, position.isNamed) : output.name,
    typeOid: output.typeOid,
  }))
  if (plan.union === null || isStar) return { tree, outputs: given }
  const right = outputsLike(making, outputs, plan.union)
  const isAll = plan.union.isAll || !outputs.every(({ typeOid }) => isOrdered({ type: valueTypeOf(typeOid) }))
  return { tree: { type: isAll ? 'union all' : 'union', left: tree, right }, outputs: given }
}

const nameAt = (index: number, isPlain: boolean): string => (isPlain ? `c${index}` : `Output ${index + 1}`)

const aliased = ({ expr }: Output, name: string): SelectedColumn => ({ expr, alias: { name } })

function rowOutputs(making: Making, plan: QueryPlan, scope: Scope, isStar: boolean): readonly Output[] {
  if (isStar)
    return scope.columns.map(column => ({ expr: read(making, column), typeOid: column.typeOid, name: column.name }))
  const wanted = plan.outputs.length > 0 ? plan.outputs : [FIRST_COLUMN]
  return wanted.map(output => buildOutput(making, output, scope))
}

const FIRST_COLUMN = { kind: 'column', of: { column: 0, isOuter: false }, variant: 0 } as const

/** Makes what a query selects from. Shrinks to a relation. */
export function buildSource(making: Making, plan: SourcePlan, isAliased: boolean): Source {
  const { world, ledger } = making
  if (plan.kind === 'relation') {
    const relation = pick(world.readable, plan.relation)
    ledger.touch(relation, 'select', 'read')
    const name = nameOf(world, relation, plan.isBare)
    if (!isAliased) return { from: { type: 'table', name }, columns: scopeOf(relation, null) }
    const alias = ledger.fresh('t')
    return { from: { type: 'table', name: { ...name, alias } }, columns: scopeOf(relation, { name: alias }) }
  }
  if (plan.kind === 'flat') return buildSource(making, plan.query.source, isAliased)
  const { tree, outputs } = buildQuery(making, plan.query, { outer: null, isNamed: true })
  const alias = ledger.fresh(plan.kind === 'named' ? 'w' : 't')
  if (plan.kind === 'named') ledger.bind({ alias: { name: alias }, statement: tree })
  const from: From =
    plan.kind === 'named' ? { type: 'table', name: { name: alias } } : { type: 'statement', statement: tree, alias }
  return { from, columns: outputs.map(output => computed(output, alias)) }
}

const computed = ({ name, typeOid }: BuiltQuery['outputs'][number], alias: string): ScopedColumn => ({
  name,
  ref: refTo(name, { name: alias }),
  qualified: refTo(name, { name: alias }),
  typeOid,
  type: valueTypeOf(typeOid),
  base: null,
})

/** The columns that rows are grouped by: only those with an order. */
const keysOf = ({ keys }: GroupingPlan, scope: Scope): readonly ScopedColumn[] => [
  ...new Set(keys.flatMap(column => columnFor(scope, { column, isOuter: false }, isOrdered) ?? [])),
]

function groupOutputs(making: Making, plan: GroupingPlan, scope: Scope): readonly Output[] {
  const keys = keysOf(plan, scope).map(key => ({ expr: read(making, key), typeOid: key.typeOid, name: key.name }))
  return [...keys, ...plan.aggregates.map(({ of, variant }) => aggregate(making, scope, of, variant))]
}

const INT8 = 20
const call = (name: string, ...args: Expr[]): Expr => ({ type: 'call', function: { name }, args })
const STAR: Expr = { type: 'ref', name: '*' }

function aggregate(making: Making, scope: Scope, of: number, variant: number): Output {
  const column = (fits?: (column: ScopedColumn) => boolean) => columnFor(scope, { column: of, isOuter: false }, fits)
  const countable = column()
  const extreme = column(({ type }) => type?.hasExtremes === true)
  const summed = column(isNumber)
  switch (variant % 4) {
    case 1:
      if (countable !== null) return { expr: call('count', read(making, countable)), typeOid: INT8, name: 'count' }
      break
    case 2:
      if (extreme !== null) return { expr: call('max', read(making, extreme)), typeOid: extreme.typeOid, name: 'max' }
      break
    case 3:
      if (summed !== null) return { expr: call('sum', read(making, summed)), typeOid: 0, name: 'sum' }
  }
  return { expr: call('count', STAR), typeOid: INT8, name: 'count' }
}

/** The printer prints HAVING only after GROUP BY. */
function groupBy(making: Making, plan: GroupingPlan, scope: Scope): Pick<SelectFromStatement, 'groupBy' | 'having'> {
  const keys = keysOf(plan, scope)
  if (keys.length === 0) return {}
  const having: Expr | null =
    plan.having === null
      ? null
      : { type: 'binary', op: '>', left: call('count', STAR), right: { type: 'integer', value: plan.having } }
  return { groupBy: keys.map(key => read(making, key)), ...(having === null ? {} : { having }) }
}

type Tail = Pick<SelectFromStatement, 'orderBy' | 'distinct' | 'limit' | 'for'>

/** What stands around the rows: their order, their number, whether alike ones are one, locks. */
function tail(making: Making, plan: QueryPlan, scope: Scope, outputs: readonly Output[], isNested: boolean): Tail {
  const isDistinct = plan.isDistinct && outputs.every(({ typeOid }) => isOrdered({ type: valueTypeOf(typeOid) }))
  const isPlain = plan.grouping === null && !isDistinct
  const orderBy = isPlain ? orderOf(making, plan, scope) : []
  const locked = isPlain && !isNested && plan.isLocking && plan.joins.length === 0 && plan.union === null
  return {
    ...(isDistinct ? { distinct: 'distinct' as const } : {}),
    ...(orderBy.length === 0 ? {} : { orderBy }),
    ...(plan.limit === null ? {} : { limit: { limit: { type: 'integer' as const, value: plan.limit } } }),
    ...(locked && lock(making, plan.source) ? { for: { type: 'update' as const } } : {}),
  }
}

const orderOf = (making: Making, plan: QueryPlan, scope: Scope): OrderByStatement[] =>
  plan.order.flatMap(({ column, isDescending }) => {
    const found = columnFor(scope, { column, isOuter: false }, isOrdered)
    return found === null ? [] : [{ by: read(making, found), ...(isDescending ? { order: 'DESC' as const } : {}) }]
  })

/** Only tables' rows can be locked, not a view's that may be materialized. */
function lock(making: Making, source: SourcePlan): boolean {
  const { world, ledger } = making
  if (source.kind === 'flat') return lock(making, source.query.source)
  if (source.kind !== 'relation') return false
  const relation = pick(world.readable, source.relation)
  if (relation.kind !== 'table') return false
  ledger.touch(relation, 'lock', 'write')
  return true
}
