import type { Expr, SelectStatement } from 'pgsql-ast-parser'
import type { OutputPlan, UnionPlan } from './plan.ts'
import { buildPredicate } from './predicates.ts'
import {
  columnFor,
  isNumber,
  isText,
  type Making,
  nameOf,
  read,
  type Scope,
  type ScopedColumn,
  scopeOf,
} from './scope.ts'
import { literalOf, valueTypeOf } from './value-types.ts'
import { pick } from './world.ts'

/** One column of a result. `typeOid` is 0 where its type isn't followed. */
export interface Output {
  readonly expr: Expr
  readonly typeOid: number
  /** Its label where it has no alias. */
  readonly name: string
}

const TEXT = 25
const INT4 = 23
const INT8 = 20

/** Makes one column of a result. Whatever a plan asks for that its column can't do comes down to the column itself. */
export function buildOutput(making: Making, plan: OutputPlan, scope: Scope): Output {
  switch (plan.kind) {
    case 'literal':
      return {
        expr: { type: 'cast', operand: { type: 'string', value: plan.value.text }, to: { name: 'text' } },
        typeOid: TEXT,
        name: 'text',
      }
    case 'count':
      return { expr: countOf(making, plan.relation, plan.column), typeOid: INT8, name: 'count' }
    default: {
      const column = columnFor(scope, plan.of)
      if (column === null) return { expr: { type: 'integer', value: 1 }, typeOid: INT4, name: '?column?' }
      return ofColumn(making, plan, scope, column)
    }
  }
}

type ColumnOutput = Exclude<OutputPlan, { readonly kind: 'literal' | 'count' }>

function ofColumn(making: Making, plan: ColumnOutput, scope: Scope, column: ScopedColumn): Output {
  const { name, typeOid } = column
  const ref = read(making, column)
  switch (plan.kind) {
    case 'column':
      return { expr: ref, typeOid, name }
    case 'as-text':
      return { expr: { type: 'cast', operand: ref, to: { name: 'text' } }, typeOid: TEXT, name }
    case 'call':
      if (!isText(column)) return { expr: ref, typeOid, name }
      return {
        expr: call(pick(TEXT_CALLS, plan.variant), ref),
        typeOid: plan.variant % 3 === 2 ? INT4 : TEXT,
        name: 'call',
      }
    case 'concat':
      if (isText(column))
        return {
          expr: { type: 'binary', op: '||', left: ref, right: { type: 'string', value: 'x' } },
          typeOid: TEXT,
          name: '?column?',
        }
      if (isNumber(column))
        return {
          expr: { type: 'binary', op: '+', left: ref, right: { type: 'integer', value: 1 } },
          typeOid: 0,
          name: '?column?',
        }
      return { expr: ref, typeOid, name }
    case 'case': {
      const when = buildPredicate(making, plan.when, scope)
      return { expr: { type: 'case', whens: [{ when, value: ref }], else: { type: 'null' } }, typeOid, name: 'case' }
    }
  }
}

const TEXT_CALLS = ['lower', 'upper', 'length']

const call = (name: string, ...args: Expr[]): Expr => ({ type: 'call', function: { name }, args })

/** How many values another relation has in a column: a subquery that gives one row. */
function countOf(making: Making, relation: number, column: number): Expr {
  const counted = pick(making.world.readable, relation)
  making.ledger.touch(counted, 'select', 'read')
  const name = nameOf(making.world, counted, false)
  return {
    type: 'select',
    columns: [{ expr: call('count', read(making, pick(scopeOf(counted, null), column))) }],
    from: [{ type: 'table', name }],
  }
}

/** A query of columns of the same types as others: the other half of a UNION, or what is inserted. */
export function outputsLike(
  making: Making,
  wanted: readonly { readonly typeOid: number }[],
  plan: Pick<UnionPlan, 'relation' | 'column'>,
): SelectStatement {
  const relation = pick(making.world.readable, plan.relation)
  making.ledger.touch(relation, 'select', 'read')
  const columns = scopeOf(relation, null)
  const columnLike = (typeOid: number): Expr => {
    const fitting = columns.filter(column => typeOid !== 0 && column.typeOid === typeOid)
    return fitting.length > 0
      ? read(making, pick(fitting, plan.column))
      : literalOf(valueTypeOf(typeOid), { number: 1, text: 'a', isNull: valueTypeOf(typeOid) === null })
  }
  return {
    type: 'select',
    columns: wanted.map(({ typeOid }) => ({ expr: columnLike(typeOid) })),
    from: [{ type: 'table', name: nameOf(making.world, relation, false) }],
  }
}
