import type { Context } from './context.ts'
import {
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
      return isSelfSelection(question, body) ? 'always' : byReference(question, predicate)
    case 'CurrentOfExpr':
      return 'some'
    default:
      return byReference(question, predicate)
  }
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
      if (parts.includes('always') || hasComplements(question, args)) return 'always'
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

const operatorOf = (expression: Node): string => nameParts(expression, 'name').at(-1) ?? ''

function ofComparison(question: Question, predicate: TypedNode): Holding {
  const { body } = predicate
  const same = (a: Node | null, b: Node | null): boolean =>
    a !== null && b !== null && shapeOf(a, question.target.names) === shapeOf(b, question.target.names)
  const left = nodeAt(body, 'lexpr')
  const right = nodeAt(body, 'rexpr')
  const operator = operatorOf(body)
  switch (textAt(body, 'kind')) {
    case 'AEXPR_OP':
      if (same(left, right)) return ['=', '<=', '>='].includes(operator) ? 'always' : 'never'
      return ofConstants(body, operator) ?? byReference(question, predicate)
    case 'AEXPR_NOT_DISTINCT':
      return same(left, right) ? 'always' : byReference(question, predicate)
    case 'AEXPR_OP_ANY':
      return elementsOf(right).some(element => same(left, element)) ? 'always' : byReference(question, predicate)
    case 'AEXPR_IN':
      return operator === '=' && nodesAt(listOf(body), 'items').some(item => same(left, item))
        ? 'always'
        : byReference(question, predicate)
    case 'AEXPR_BETWEEN':
    case 'AEXPR_BETWEEN_SYM':
      return nodesAt(listOf(body), 'items').every(bound => same(left, bound))
        ? 'always'
        : byReference(question, predicate)
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
    case 'AEXPR_SIMILAR':
      return isAnything(body, operator) ? 'always' : byReference(question, predicate)
    default:
      return byReference(question, predicate)
  }
}

const listOf = (expression: Node): Node => typedAt(expression, 'rexpr')?.body ?? {}

const elementsOf = (array: Node | null): readonly Node[] => {
  const typed = array === null ? null : typedNode(array)
  if (typed?.type === 'TypeCast') return elementsOf(nodeAt(typed.body, 'arg'))
  return typed?.type === 'A_ArrayExpr' ? nodesAt(typed.body, 'elements') : []
}

const isAnything = (expression: Node, operator: string): boolean =>
  operator.startsWith('~') && /^%+$/.test(constantText(typedAt(expression, 'rexpr')) ?? '')

function ofConstants(expression: Node, operator: string): Holding | null {
  const left = constantValue(expression, 'lexpr')
  const right = constantValue(expression, 'rexpr')
  if (left === null || right === null || typeof left !== typeof right) return null
  const order = left < right ? -1 : left > right ? 1 : 0
  const outcomes: Readonly<Record<string, boolean>> = {
    '=': order === 0,
    '<>': order !== 0,
    '<': order < 0,
    '<=': order <= 0,
    '>': order > 0,
    '>=': order >= 0,
  }
  const holds = Object.hasOwn(outcomes, operator) ? outcomes[operator] : undefined
  // The order of texts is their collation's: only their equality is known here.
  if (holds === undefined || (typeof left === 'string' && operator !== '=' && operator !== '<>')) return null
  return holds ? 'always' : 'never'
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

const lastName = ({ body }: TypedNode): string | null => stringOf(typedNodesAt(body, 'fields').at(-1) ?? null)
