import {
  flagAt,
  isNode,
  type Node,
  nameParts,
  nodeAt,
  type TypedNode,
  textAt,
  typedAt,
  typedNode,
  typedNodesAt,
} from '../node.ts'
import { fieldsOf } from '../node-rules.ts'
import { type Binder, newFlow } from './binder.ts'
import { isComputing } from './built-in-calls.ts'
import { type Flow, type RowTypes, roleBit } from './flow.ts'
import { resolveIndirection } from './indirections.ts'
import { resolve } from './references.ts'
import { resultOfCall } from './routine-results.ts'
import { rowTypeNamed } from './row-types.ts'
import type { Scope } from './scope.ts'

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Expressions that give no name a meaning: what they read is in their fields. */
const PLAIN_EXPRESSIONS = words(`
  A_ArrayExpr A_Indices BoolExpr BooleanTest CaseExpr CaseWhen CoalesceExpr CollateClause GroupingFunc GroupingSet
  JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor JsonArrayQueryConstructor JsonBehavior JsonFuncExpr
  JsonIsPredicate JsonKeyValue JsonObjectAgg JsonObjectConstructor JsonOutput JsonParseExpr JsonScalarExpr
  JsonSerializeExpr JsonTablePathSpec JsonValueExpr List MinMaxExpr MultiAssignRef NamedArgExpr NullTest ResTarget
  RowExpr SortBy XmlExpr XmlSerialize
`)

/** Expressions that read nothing. Constants among them: what they say isn't looked at. */
const CLOSED_EXPRESSIONS = words(`
  A_Const A_Star BitString Boolean CurrentOfExpr Float Integer JsonFormat JsonReturning MergeSupportFunc ParamRef
  SQLValueFunction SetToDefault String TypeName
`)

const QUERIES = words('SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt')
const SPECIAL_EXPRESSIONS = words('ColumnRef A_Indirection FuncCall SubLink A_Expr TypeCast WindowDef')
/** Parts of expressions that definitions have for other purposes too. */
const SHARED_PARTS = words('List ResTarget')

/** Whether a node type is a query, or a statement that may give rows. */
export const isQuery = (type: string): boolean => QUERIES.has(type)

/** Whether a node type is an expression, wherever it stands. */
export const isExpression = (type: string): boolean =>
  SPECIAL_EXPRESSIONS.has(type) || (PLAIN_EXPRESSIONS.has(type) && !SHARED_PARTS.has(type))

/** Binds one expression: the columns that it reads become a part of `sink`. */
export function bindExpression(binder: Binder, typed: TypedNode, scope: Scope, sink: Flow): void {
  const { type, body } = typed
  if (CLOSED_EXPRESSIONS.has(type)) return
  if (PLAIN_EXPRESSIONS.has(type)) bindFields(binder, typed, scope, sink)
  else if (QUERIES.has(type)) for (const field of binder.query(typed, scope).fields) pushFlow(binder, field.flow, sink)
  else bindSpecial(binder, type, body, typed, scope, sink)
}

function bindSpecial(binder: Binder, type: string, body: Node, typed: TypedNode, scope: Scope, sink: Flow): void {
  switch (type) {
    case 'ColumnRef':
      sink.from.push(resolve(binder, body, scope).flow)
      return
    case 'A_Indirection':
      sink.from.push(resolveIndirection(binder, body, scope).flow)
      return
    case 'FuncCall':
      bindCall(binder, body, scope, sink)
      return
    case 'SubLink':
      bindSubLink(binder, body, scope, sink)
      return
    case 'A_Expr':
      if (binder.catalog.userOperators.has(nameParts(body, 'name').at(-1) ?? '')) sink.isUnknown = true
      bindFields(binder, typed, scope, sink)
      return
    case 'TypeCast': {
      const names = nameParts(nodeAt(body, 'typeName') ?? {}, 'names')
      if (binder.catalog.userTypes.has(names.at(-1) ?? '')) sink.isUnknown = true
      bindFields(binder, typed, scope, sink)
      mayBeRows(binder, sink, rowTypesNamed(binder, nodeAt(body, 'typeName')))
      return
    }
    case 'WindowDef':
      bindWindow(binder, body, scope, sink)
      return
    default:
      // It may give names a meaning that nobody knows here.
      binder.isDoubtful = true
      bindFields(binder, typed, scope, sink)
  }
}

/** Binds whatever is in the fields of a node. */
function bindFields(binder: Binder, { type, body }: TypedNode, scope: Scope, sink: Flow): void {
  const fields = fieldsOf(type)
  for (const name in body) {
    const holds = fields?.get(name) ?? ''
    if (holds === '') continue
    const value = body[name]
    if (Array.isArray(value)) for (const each of value) bindHeld(binder, holds, each, scope, sink)
    else bindHeld(binder, holds, value, scope, sink)
  }
}

function bindHeld(binder: Binder, holds: string, held: unknown, scope: Scope, sink: Flow): void {
  if (!isNode(held)) return
  const typed = holds === 'Node' ? typedNode(held) : { type: holds, body: held }
  if (typed !== null) binder.expression(typed, scope, sink)
}

function pushFlow(binder: Binder, flow: Flow | null, sink: Flow): void {
  if (flow === null) binder.isDoubtful = true
  else sink.from.push(flow)
}

const PREDICATE = roleBit('predicate')
const GROUP = roleBit('group')
const ORDER = roleBit('order')

/** A part of an expression that has a purpose of its own besides. */
function bindPart(binder: Binder, parts: readonly TypedNode[], scope: Scope, sink: Flow, role: number): void {
  if (parts.length === 0) return
  const part = newFlow(binder, sink.place, role)
  for (const each of parts) binder.expression(each, scope, part)
  sink.from.push(part)
}

const partAt = (node: Node, field: string): readonly TypedNode[] => {
  const typed = typedAt(node, field)
  return typed === null ? [] : [typed]
}

function rowTypesNamed(binder: Binder, type: Node | null): RowTypes {
  const relation = type === null ? null : rowTypeNamed(binder, type)
  return relation === null ? [] : [relation]
}

/** Notes that rows of some relations may be in a value. */
function mayBeRows(binder: Binder, sink: Flow, rowTypes: RowTypes): void {
  if (rowTypes.length === 0) return
  const rows = newFlow(binder, sink.place)
  rows.rowTypes = rowTypes
  sink.from.push(rows)
}

function bindCall(binder: Binder, call: Node, scope: Scope, sink: Flow): void {
  if (!isComputing(binder, call)) sink.isUnknown = true
  mayBeRows(binder, sink, resultOfCall(binder, call).rowTypes)
  const compares = flagAt(call, 'agg_distinct')
  if (compares) bindPart(binder, typedNodesAt(call, 'args'), scope, sink, GROUP)
  else for (const argument of typedNodesAt(call, 'args')) binder.expression(argument, scope, sink)
  bindPart(binder, typedNodesAt(call, 'agg_order'), scope, sink, ORDER)
  bindPart(binder, partAt(call, 'agg_filter'), scope, sink, PREDICATE)
  const window = nodeAt(call, 'over')
  if (window !== null) bindWindow(binder, window, scope, sink)
}

/** What a window is parted and ordered by; it shows in what the window function gives. */
export function bindWindow(binder: Binder, window: Node, scope: Scope, sink: Flow): void {
  bindPart(binder, typedNodesAt(window, 'partitionClause'), scope, sink, GROUP)
  bindPart(binder, typedNodesAt(window, 'orderClause'), scope, sink, ORDER)
  bindPart(binder, [...partAt(window, 'startOffset'), ...partAt(window, 'endOffset')], scope, sink, ORDER)
}

function bindSubLink(binder: Binder, link: Node, scope: Scope, sink: Flow): void {
  const test = typedAt(link, 'testexpr')
  if (test !== null) binder.expression(test, scope, sink)
  if (binder.catalog.userOperators.has(nameParts(link, 'operName').at(-1) ?? '')) sink.isUnknown = true
  const query = typedAt(link, 'subselect')
  if (query === null) return
  const { fields, isComplete } = binder.query(query, scope)
  const kind = textAt(link, 'subLinkType')
  if (kind === 'EXPR_SUBLINK' && isComplete) binder.subselectLabels.set(link, fields[0]?.name ?? '')
  // Whether there is a row says nothing of what is in it.
  const into = kind === 'EXISTS_SUBLINK' ? newFlow(binder, sink.place, PREDICATE) : sink
  for (const field of fields) pushFlow(binder, field.flow, into)
}
