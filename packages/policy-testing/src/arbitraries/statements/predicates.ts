import type { BinaryOperator, Expr } from 'pgsql-ast-parser'
import type { ColumnPlan, PredicatePlan, QueryPlan } from './plan.ts'
import {
  columnFor,
  isOrdered,
  isText,
  type Making,
  read,
  type Scope,
  type ScopedColumn,
  seenFromWithin,
} from './scope.ts'
import { literalOf, type ValuePlan } from './value-types.ts'
import { pick } from './world.ts'

const COMPARISONS: readonly BinaryOperator[] = ['=', '!=', '<', '>=']

/** Makes a condition. What no column in sight can be asked comes down to whether one of them is null. */
export function buildPredicate(making: Making, plan: PredicatePlan, scope: Scope): Expr {
  switch (plan.kind) {
    case 'null-test':
      return nullTest(making, plan.of, scope, plan.isNull)
    case 'both': {
      const left = buildPredicate(making, plan.left, scope)
      return { type: 'binary', op: plan.isOr ? 'OR' : 'AND', left, right: buildPredicate(making, plan.right, scope) }
    }
    case 'not':
      return { type: 'unary', op: 'NOT', operand: buildPredicate(making, plan.of, scope) }
    case 'exists':
      return exists(making, plan.query, scope)
    case 'in-query':
      return inQuery(making, plan, scope)
    default:
      return aboutColumn(making, plan, scope)
  }
}

const nullTest = (making: Making, of: ColumnPlan, scope: Scope, isNull: boolean): Expr => {
  const column = columnFor(scope, of)
  if (column === null) return { type: 'boolean', value: true }
  return { type: 'unary', op: isNull ? 'IS NULL' : 'IS NOT NULL', operand: read(making, column) }
}

type AboutColumn = Extract<PredicatePlan, { readonly kind: 'compare' | 'like' | 'in-list' | 'between' }>

function aboutColumn(making: Making, plan: AboutColumn, scope: Scope): Expr {
  const column = columnFor(scope, plan.of, plan.kind === 'like' ? isText : isOrdered)
  if (column === null) return nullTest(making, plan.of, scope, false)
  const left = read(making, column)
  const value = (of: ValuePlan): Expr => literalOf(column.type, of)
  switch (plan.kind) {
    case 'compare':
      return { type: 'binary', op: pick(COMPARISONS, plan.operator), left, right: value(plan.value) }
    case 'like':
      return { type: 'binary', op: 'LIKE', left, right: { type: 'string', value: plan.text } }
    case 'in-list':
      return { type: 'binary', op: 'IN', left, right: { type: 'list', expressions: plan.values.map(value) } }
    case 'between':
      return { type: 'ternary', op: 'BETWEEN', value: left, lo: value(plan.low), hi: value(plan.high) }
  }
}

const exists = (making: Making, query: QueryPlan, scope: Scope): Expr => ({
  type: 'call',
  function: { name: 'exists' },
  args: [making.query(making, query, { outer: seenFromWithin(scope), isNamed: false }).tree],
})

/** A column among those of a query that gives one column of its type; where there is none, whether the query gives any row. */
function inQuery(making: Making, plan: Extract<PredicatePlan, { kind: 'in-query' }>, scope: Scope): Expr {
  const { query } = plan
  const [output = FIRST] = query.outputs
  const single: QueryPlan = { ...query, outputs: [output], grouping: null, union: null }
  const { tree, outputs } = making.query(making, single, { outer: seenFromWithin(scope), isNamed: false })
  const isLike = (column: ScopedColumn): boolean => isOrdered(column) && column.typeOid === outputs[0]?.typeOid
  const column = columnFor(scope, plan.of, isLike)
  if (column === null) return { type: 'call', function: { name: 'exists' }, args: [tree] }
  return { type: 'binary', op: plan.isNot ? 'NOT IN' : 'IN', left: read(making, column), right: tree }
}

const FIRST = { kind: 'column', of: { column: 0, isOuter: false }, variant: 0 } as const
