import type { From, JoinClause } from 'pgsql-ast-parser'
import type { JoinPlan } from './plan.ts'
import { printable } from './print.ts'
import { isOrdered, type Making, read, type ScopedColumn, type Source } from './scope.ts'
import { pick } from './world.ts'

/** What is selected from so far. After a comma, a condition sees only what stands behind it. */
export interface Joined {
  readonly from: readonly From[]
  readonly columns: readonly ScopedColumn[]
  readonly joinable: readonly ScopedColumn[]
}

const JOIN_TYPES = {
  inner: 'INNER JOIN',
  left: 'LEFT JOIN',
  right: 'RIGHT JOIN',
  full: 'FULL JOIN',
} as const

/** Joins one more source: on columns of one type where there are any, else each row with each. */
export function buildJoin(making: Making, joined: Joined, plan: JoinPlan, source: Source): Joined {
  const columns = [...joined.columns, ...source.columns]
  if (plan.how === 'comma') return { from: [...joined.from, source.from], columns, joinable: source.columns }
  const join = plan.how === 'cross' ? null : conditionOf(making, joined.joinable, source.columns, plan, plan.how)
  const from: From = { ...source.from, join: join ?? { type: 'CROSS JOIN' } }
  return { from: [...joined.from, from], columns, joinable: [...joined.joinable, ...source.columns] }
}

function conditionOf(
  making: Making,
  left: readonly ScopedColumn[],
  right: readonly ScopedColumn[],
  plan: JoinPlan,
  how: keyof typeof JOIN_TYPES,
): JoinClause | null {
  const pairs = left.flatMap(one =>
    isOrdered(one) ? right.filter(other => other.typeOid === one.typeOid).map(other => ({ one, other })) : [],
  )
  const shared = pairs.filter(({ one, other }) => one.name === other.name && isSole(left, one) && isSole(right, other))
  const usable = plan.isUsing && shared.length > 0 ? shared : pairs
  if (usable.length === 0) return null
  const { one, other } = pick(usable, plan.column)
  const [onLeft, onRight] = [read(making, one), read(making, other)]
  const type = JOIN_TYPES[how]
  return usable === shared
    ? { type, using: [{ name: printable(one.name) }] }
    : { type, on: { type: 'binary', op: '=', left: onLeft, right: onRight } }
}

const isSole = (columns: readonly ScopedColumn[], { name }: ScopedColumn): boolean =>
  columns.filter(column => column.name === name).length === 1
