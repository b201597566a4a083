import type { Context } from './context.ts'
import { distanceOf, folded } from './fold.ts'
import {
  flagAt,
  type Node,
  nameParts,
  nodeAt,
  nodesAt,
  stringOf,
  type TypedNode,
  textAt,
  typedAt,
  typedNode,
  typedNodesAt,
} from './node.ts'
import { refersTo, type Target } from './references.ts'
import { constantText } from './settings.ts'
import { constantValue, shapeOf } from './shape.ts'

/** When a predicate holds. `fixed`: for all rows alike, not known which way. `some`: it depends on the row. */
type Holding = 'always' | 'never' | 'fixed' | 'some'

/** Whether a WHERE lets every row through, or may: there is none, it is always true, or it doesn't look at the row. */
export function isUnbounded(context: Context, where: TypedNode | null, target: Target): boolean {
  const holds = where === null ? 'always' : holding({ context, target }, where)
  return holds === 'always' || holds === 'fixed'
}

interface Question {
  readonly context: Context
  readonly target: Target
}

function holding(question: Question, predicate: TypedNode): Holding {
  const { type, body } = predicate
  switch (type) {
    case 'A_Const':
      return ofText(constantText(predicate))
    case 'TypeCast':
      return isBoolean(body) ? ofOperand(question, body, 'arg') : byReference(question, predicate)
    case 'BoolExpr':
      return ofBoolean(question, body)
    case 'NullTest':
      // Hardly a bound: on a column that is never null it is none.
      return textAt(body, 'nulltesttype') === 'IS_NOT_NULL' ? 'always' : byReference(question, predicate)
    case 'BooleanTest':
      return ofTest(question, predicate)
    case 'A_Expr':
      return ofComparison(question, predicate)
    case 'SubLink':
      return isSelfSelection(question, body) || isSelfExistence(question, body)
        ? 'always'
        : byReference(question, predicate)
    case 'CoalesceExpr':
      return alwaysIf(question, predicate, holdingAt(question, nodesAt(body, 'args')[0]) === 'always')
    case 'CaseExpr':
      return alwaysIf(question, predicate, isTrueInAllCases(question, body))
    case 'CurrentOfExpr':
      return 'some'
    default:
      return byReference(question, predicate)
  }
}

const alwaysIf = (question: Question, predicate: TypedNode, isAlways: boolean): Holding =>
  isAlways ? 'always' : byReference(question, predicate)

const holdingAt = (question: Question, wrapped: Node | null | undefined): Holding | null => {
  const typed = wrapped === null || wrapped === undefined ? null : typedNode(wrapped)
  return typed === null ? null : holding(question, typed)
}

/** Whether every branch of a CASE is true, or the first one that is taken. */
function isTrueInAllCases(question: Question, body: Node): boolean {
  const branches = typedNodesAt(body, 'args').map(branch => branch.body)
  const results = branches.map(branch => holdingAt(question, nodeAt(branch, 'result')) === 'always')
  const [first] = branches
  const isFirstTaken = nodeAt(body, 'arg') === null && holdingAt(question, first && nodeAt(first, 'expr')) === 'always'
  if (isFirstTaken) return results[0] === true
  return results.every(Boolean) && holdingAt(question, nodeAt(body, 'defresult')) === 'always'
}

const byReference = ({ context, target }: Question, { type, body }: TypedNode): Holding =>
  refersTo(context, { [type]: body }, target) ? 'some' : 'fixed'

const ofOperand = (question: Question, node: Node, field: string): Holding => {
  const operand = typedAt(node, field)
  return operand === null ? 'fixed' : holding(question, operand)
}

const isBoolean = (cast: Node): boolean => {
  const type = nodeAt(cast, 'typeName')
  return type !== null && /^bool(ean)?$/.test(nameParts(type, 'names').at(-1) ?? '')
}

/** A boolean literal, as boolin reads it. Anything else is a constant of a value not looked into. */
function ofText(text: string | null): Holding {
  const word = text?.trim().toLowerCase() ?? ''
  if (/^(t|tr|tru|true|y|ye|yes|on|1)$/.test(word)) return 'always'
  return /^(f|fa|fal|fals|false|n|no|of|off|0)$/.test(word) ? 'never' : 'fixed'
}

const OPPOSITE: Readonly<Record<Holding, Holding>> = { always: 'never', never: 'always', fixed: 'fixed', some: 'some' }

function ofBoolean(question: Question, node: Node): Holding {
  const args = typedNodesAt(node, 'args')
  const parts = args.map(arg => holding(question, arg))
  switch (textAt(node, 'boolop')) {
    case 'NOT_EXPR':
      return ofNegation(question, args[0], parts[0] ?? 'fixed')
    case 'AND_EXPR':
      return (['never', 'some', 'fixed'] as const).find(kind => parts.includes(kind)) ?? 'always'
    default:
      if (parts.includes('always') || hasComplements(question, args) || hasOverlap(question, args)) return 'always'
      return (['fixed', 'some'] as const).find(kind => parts.includes(kind)) ?? 'never'
  }
}

function ofNegation(question: Question, arg: TypedNode | undefined, holds: Holding): Holding {
  if (arg?.type !== 'NullTest') return OPPOSITE[holds]
  return textAt(arg.body, 'nulltesttype') === 'IS_NULL' ? 'always' : byReference(question, arg)
}

function ofTest(question: Question, predicate: TypedNode): Holding {
  const { body } = predicate
  const holds = ofOperand(question, body, 'arg')
  switch (textAt(body, 'booltesttype')) {
    case 'IS_TRUE':
      return holds
    case 'IS_NOT_TRUE':
      return OPPOSITE[holds]
    case 'IS_NOT_FALSE':
      return holds === 'always' ? 'always' : byReference(question, predicate)
    case 'IS_NOT_UNKNOWN':
      return 'always'
    default:
      return byReference(question, predicate)
  }
}

const COMPLEMENTS: Readonly<Record<string, string>> = {
  '=': '<>',
  '<>': '=',
  '<': '>=',
  '>=': '<',
  '>': '<=',
  '<=': '>',
}

/** Whether an OR has two sides of which one always holds, NULLs apart: `id = 1 OR id <> 1`, `a OR NOT a`. */
function hasComplements({ target }: Question, args: readonly TypedNode[]): boolean {
  const shapes = new Set(args.map(({ type, body }) => shapeOf({ [type]: body }, target.names)))
  return args.some(({ type, body }) => {
    if (type === 'BoolExpr' && textAt(body, 'boolop') === 'NOT_EXPR')
      return shapes.has(shapeOf(nodesAt(body, 'args')[0] ?? null, target.names))
    const opposite = type === 'A_Expr' ? COMPLEMENTS[operatorOf(body)] : undefined
    if (opposite === undefined) return false
    return shapes.has(shapeOf({ A_Expr: { ...body, name: [{ String: { sval: opposite } }] } }, target.names))
  })
}

/** Whether an OR has two bounds of one value that overlap: `id > 1 OR id < 5`. */
function hasOverlap({ target }: Question, args: readonly TypedNode[]): boolean {
  const bounds = args.flatMap(({ type, body }) => {
    if (type !== 'A_Expr' || textAt(body, 'kind') !== 'AEXPR_OP' || !/^[<>]=?$/.test(operatorOf(body))) return []
    const at = constantValue(body, 'rexpr')
    const of = typeof at === 'number' ? shapeOf(folded(nodeAt(body, 'lexpr')), target.names) : null
    return typeof at === 'number' && of !== null ? [{ of, at, isLower: operatorOf(body).startsWith('>') }] : []
  })
  return bounds.some(
    lower => lower.isLower && bounds.some(upper => !upper.isLower && upper.of === lower.of && lower.at < upper.at),
  )
}

const operatorOf = (expression: Node): string => nameParts(expression, 'name').at(-1) ?? ''

function ofComparison(question: Question, predicate: TypedNode): Holding {
  const { body } = predicate
  // The most common of all: nothing there to look into.
  const [leftType, rightType] = [typedAt(body, 'lexpr')?.type, typedAt(body, 'rexpr')?.type]
  const kind = textAt(body, 'kind')
  if (kind === 'AEXPR_OP' && leftType === 'ColumnRef' && rightType === 'A_Const' && /^[<>=]+$/.test(operatorOf(body)))
    return byReference(question, predicate)
  return provenBy(question, kind, body) ?? byReference(question, predicate)
}

/** What comparing a value with itself comes to, or with constants alone; null where it isn't that. */
function provenBy(question: Question, kind: string, body: Node): Holding | null {
  const left = nodeAt(body, 'lexpr')
  const right = nodeAt(body, 'rexpr')
  const operator = operatorOf(body)
  const same = (a: Node | null, b: Node | null): boolean => compared(question, a, b) === 0
  const always = (holds: boolean): Holding | null => (holds ? 'always' : null)
  switch (kind) {
    case 'AEXPR_OP':
      return (
        ofSame(compared(question, left, right), operator) ??
        always(matchesAll(body, operator)) ??
        ofConstants(body, operator)
      )
    case 'AEXPR_NOT_DISTINCT':
      return always(same(left, right))
    case 'AEXPR_DISTINCT':
      return always(isNull(right) || isNull(left))
    case 'AEXPR_OP_ANY':
      return always(operator === '=' && elementsOf(right).some(element => same(left, element)))
    case 'AEXPR_OP_ALL':
      return always(isEmptyArray(right))
    case 'AEXPR_IN':
      return always(operator === '=' && nodesAt(listOf(body), 'items').some(item => same(left, item)))
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM': {
      const [from = null, to = null] = nodesAt(listOf(body), 'items').map(bound => compared(question, left, bound))
      return always(from !== null && to !== null && from >= 0 && to <= 0)
    }
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
    case 'AEXPR_SIMILAR':
      return always(operator.startsWith('~') && (isAnything(body) || same(left, right)))
    default:
      return null
  }
}

/** By how much two sides are apart that differ by a constant: 0 for the same value, null where that isn't known. */
function compared({ target }: Question, a: Node | null, b: Node | null): number | null {
  if (a === null || b === null) return null
  const [left, right] = [distanceOf(a), distanceOf(b)]
  if (left.from === null || right.from === null) return null
  return shapeOf(left.from, target.names) === shapeOf(right.from, target.names) ? left.by - right.by : null
}

/** What a comparison of sides that are so far apart comes to, NULLs apart. */
function ofSame(apart: number | null, operator: string): Holding | null {
  if (apart === null) return null
  if (apart === 0 && CONTAINING.has(operator)) return 'always'
  return outcomeOf(apart, operator)
}

/** Operators that hold between a value and itself: arrays, ranges, JSON, texts. */
const CONTAINING = new Set(['@>', '<@', '&&', '~=', '^@', '~~', '~~*'])

const isNull = (wrapped: Node | null): boolean => {
  const typed = wrapped === null ? null : typedNode(wrapped)
  return typed?.type === 'A_Const' && flagAt(typed.body, 'isnull')
}

/** Patterns that every text matches. */
const MATCHES_ALL = /^(?:\^?(?:\.\*\??)?\$?)$/

function matchesAll(expression: Node, operator: string): boolean {
  if (operator !== '~' && operator !== '~*' && operator !== '^@') return false
  const pattern = constantText(typedAt(expression, 'rexpr'))
  return pattern !== null && (operator === '^@' ? pattern === '' : MATCHES_ALL.test(pattern))
}

const listOf = (expression: Node): Node => typedAt(expression, 'rexpr')?.body ?? {}

const elementsOf = (array: Node | null): readonly Node[] => {
  const typed = array === null ? null : typedNode(array)
  if (typed?.type === 'TypeCast') return elementsOf(nodeAt(typed.body, 'arg'))
  return typed?.type === 'A_ArrayExpr' ? nodesAt(typed.body, 'elements') : []
}

const isEmptyArray = (array: Node | null): boolean => {
  const typed = array === null ? null : typedNode(array)
  if (typed?.type === 'TypeCast') return isEmptyArray(nodeAt(typed.body, 'arg'))
  if (typed?.type === 'A_Const') return constantText(typed) === '{}'
  return typed?.type === 'A_ArrayExpr' && nodesAt(typed.body, 'elements').length === 0
}

const isAnything = (expression: Node): boolean => /^%+$/.test(constantText(typedAt(expression, 'rexpr')) ?? '')

function ofConstants(expression: Node, operator: string): Holding | null {
  const left = constantValue(expression, 'lexpr')
  const right = constantValue(expression, 'rexpr')
  if (left === null || right === null || typeof left !== typeof right) return null
  // The order of texts is their collation's: only their equality is known here.
  if (typeof left === 'string' && operator !== '=' && operator !== '<>') return null
  return outcomeOf(left < right ? -1 : left > right ? 1 : 0, operator)
}

function outcomeOf(order: number, operator: string): Holding | null {
  const outcomes: Readonly<Record<string, boolean>> = {
    '=': order === 0,
    '<>': order !== 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
  }
  const holds = Object.hasOwn(outcomes, operator) ? outcomes[operator] : undefined
  return holds === undefined ? null : holds ? 'always' : 'never'
}

/** `id IN (SELECT id FROM t)` on t itself, with nothing that would leave a row out. */
function isSelfSelection({ target }: Question, link: Node): boolean {
  const test = typedAt(link, 'testexpr')
  const select = typedAt(link, 'subselect')
  if (textAt(link, 'subLinkType') !== 'ANY_SUBLINK' || test?.type !== 'ColumnRef' || select?.type !== 'SelectStmt')
    return false
  const narrowing = ['whereClause', 'groupClause', 'havingClause', 'limitCount', 'limitOffset', 'larg', 'withClause']
  if (narrowing.some(field => field in select.body)) return false
  const from = typedNodesAt(select.body, 'fromClause')
  const selected = typedNodesAt(select.body, 'targetList').map(({ body }) => typedAt(body, 'val'))
  const [source] = from
  const [column] = selected
  if (from.length !== 1 || selected.length !== 1 || source?.type !== 'RangeVar' || column?.type !== 'ColumnRef')
    return false
  const isSame = textAt(source.body, 'relname') === target.name && textAt(source.body, 'schemaname') === target.schema
  return isSame && lastName(column) === lastName(test)
}

/** `EXISTS (SELECT 1 FROM t o WHERE o.id = t.id)` on t itself. */
function isSelfExistence({ target }: Question, link: Node): boolean {
  const select = typedAt(link, 'subselect')
  if (textAt(link, 'subLinkType') !== 'EXISTS_SUBLINK' || select?.type !== 'SelectStmt') return false
  const [source, other] = typedNodesAt(select.body, 'fromClause')
  if (source?.type !== 'RangeVar' || other !== undefined) return false
  const isSame = textAt(source.body, 'relname') === target.name && textAt(source.body, 'schemaname') === target.schema
  const where = typedAt(select.body, 'whereClause')
  if (!isSame || where?.type !== 'A_Expr' || operatorOf(where.body) !== '=') return false
  const [left, right] = [typedAt(where.body, 'lexpr'), typedAt(where.body, 'rexpr')]
  return left?.type === 'ColumnRef' && right?.type === 'ColumnRef' && lastName(left) === lastName(right)
}

const lastName = ({ body }: TypedNode): string | null => stringOf(typedNodesAt(body, 'fields').at(-1) ?? null)
