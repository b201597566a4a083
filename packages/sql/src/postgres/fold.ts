import { type Node, nameParts, nodeAt, nodesAt, type TypedNode, textAt, typedAt, typedNode } from './node.ts'
import { constantText } from './settings.ts'
import { constantValue, shapeOf } from './shape.ts'

/** Functions in SQL's own grammar that give one of their arguments: of equal arguments, that one. */
const PICKING: ReadonlySet<string> = new Set(['CoalesceExpr', 'MinMaxExpr'])

const NO_NAMES: ReadonlySet<string> = new Set()

/**
 * An expression without what leaves its value as it is: casts, `+ 0`, `* 1`, `|| ''`, COALESCE of a value with a
 * substitute, GREATEST of one value, NULLIF, CASE WHEN true. Close enough to tell whether two sides of a comparison are
 * the same value; not what the server would compute.
 */
export function folded(wrapped: Node | null): Node | null {
  const typed = wrapped === null ? null : typedNode(wrapped)
  if (typed === null) return wrapped
  const inner = innerOf(typed)
  return inner === null ? wrapped : folded(inner)
}

function innerOf({ type, body }: TypedNode): Node | null {
  if (type === 'TypeCast') return nodeAt(body, 'arg')
  if (type === 'CaseExpr') return firstTrueResult(body)
  if (type === 'A_Expr') return withoutNeutral(body)
  if (!PICKING.has(type)) return null
  const [first, ...others] = nodesAt(body, 'args')
  const isOne =
    type === 'CoalesceExpr' || others.every(other => shapeOf(other, NO_NAMES) === shapeOf(first ?? null, NO_NAMES))
  return isOne ? (first ?? null) : null
}

/** What CASE gives where its first condition is the constant true. */
function firstTrueResult(body: Node): Node | null {
  const first = typedNode(nodesAt(body, 'args')[0] ?? {})
  if (first === null || nodeAt(body, 'arg') !== null) return null
  return constantText(typedAt(first.body, 'expr')) === 'true' ? nodeAt(first.body, 'result') : null
}

/** Operators with the constant on their right that makes them do nothing. */
const NEUTRAL: ReadonlyMap<string, string | number> = new Map<string, string | number>([
  ['+', 0],
  ['-', 0],
  ['*', 1],
  ['/', 1],
  ['||', ''],
])
const COMMUTING = new Set(['+', '*', '||'])

function withoutNeutral(body: Node): Node | null {
  if (textAt(body, 'kind') === 'AEXPR_NULLIF') return nodeAt(body, 'lexpr')
  if (textAt(body, 'kind') !== 'AEXPR_OP') return null
  const operator = nameParts(body, 'name').at(-1) ?? ''
  const neutral = NEUTRAL.get(operator)
  if (neutral === undefined || nodeAt(body, 'lexpr') === null) return null
  if (constantValue(body, 'rexpr') === neutral) return nodeAt(body, 'lexpr')
  return COMMUTING.has(operator) && constantValue(body, 'lexpr') === neutral ? nodeAt(body, 'rexpr') : null
}

/** A value as another one and a constant distance from it. */
export interface Distance {
  readonly from: Node | null
  readonly by: number
}

/** `id + 1` is id by 1, `id` is id by 0. */
export function distanceOf(wrapped: Node | null): Distance {
  const plain = folded(wrapped)
  const typed = plain === null ? null : typedNode(plain)
  const operator = typed?.type === 'A_Expr' ? nameParts(typed.body, 'name').join('.') : ''
  if (typed === null || (operator !== '+' && operator !== '-')) return { from: plain, by: 0 }
  const by = constantValue(typed.body, 'rexpr')
  if (typeof by !== 'number' || nodeAt(typed.body, 'lexpr') === null) return { from: plain, by: 0 }
  const inner = distanceOf(nodeAt(typed.body, 'lexpr'))
  return { from: inner.from, by: operator === '+' ? inner.by + by : inner.by - by }
}
