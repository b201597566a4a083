import { useOperator, visitCall, visitCast, visitTableSample, visitType } from './calls.ts'
import { type Context, useFunction, type Visitor } from './context.ts'
import { fieldLikeEffect } from './functions/classify-function.ts'
import { isJsonMaker, useJsonCasts } from './json-casts.ts'
import { type Node, nameParts, nodeAt, referenceParts, stringOf, textAt, typedNodesAt } from './node.ts'
import type { NodesRuled } from './node-rules.ts'
import { findRoutines, runRoutines } from './routines/find-routines.ts'

const visitColumn: Visitor = (context, column) => {
  const { names: parts, isStar } = referenceParts(column)
  const place = context.places.of(column)
  const qualifier = isStar ? parts : parts.slice(0, -1)
  context.mentions.push({ name: isStar ? '*' : (parts.at(-1) ?? ''), qualifier, place })
  if (!isStar && parts.length > 1) context.qualified.push({ parts, place })
}

/** `(value).name` is a field, or a call of any function of one argument. */
const visitIndirection: Visitor = (context, indirection, scope, typed) => {
  const place = context.places.of(indirection)
  for (const step of typedNodesAt(indirection, 'indirection')) {
    const name = stringOf(step)
    if (name === null) continue
    context.mentions.push({ name, qualifier: [], place })
    useFieldLike(context, name, place)
  }
  context.visitFields(typed, scope)
}

export function useFieldLike(context: Context, name: string, place: Context['places']['whole']): void {
  if (isJsonMaker(name)) useJsonCasts(context, place)
  const found = findRoutines(context.catalog, [name], 1)
  if (found.kind === 'found') runRoutines(context, found.routines, place)
  const does =
    found.kind === 'unseen'
      ? { effect: 'unknown' as const, why: 'may be a function of this database, written like a field' }
      : fieldLikeEffect(name)
  if (does !== null) useFunction(context, does.effect, name, does.why, place)
}

/** The operators that the server looks up by name for the forms of A_Expr that have none of their own. */
const operatorsOf = (expression: Node): readonly (readonly string[])[] => {
  const kind = textAt(expression, 'kind')
  if (kind.startsWith('AEXPR_BETWEEN') || kind.startsWith('AEXPR_NOT_BETWEEN')) return [['>='], ['<='], ['<'], ['>']]
  return [nameParts(expression, 'name')]
}

const visitOperator: Visitor = (context, expression, scope, typed) => {
  const place = context.places.of(expression)
  for (const names of operatorsOf(expression)) useOperator(context, names, place)
  context.visitFields(typed, scope, ['name'])
}

const visitSubLink: Visitor = (context, link, scope, typed) => {
  const kind = textAt(link, 'subLinkType')
  const names = nameParts(link, 'operName')
  if (names.length > 0) useOperator(context, names, context.places.of(link))
  else if (kind === 'ANY_SUBLINK') useOperator(context, ['='], context.places.of(link))
  context.visitFields(typed, scope, ['operName'])
}

const visitCase: Visitor = (context, node, scope, typed) => {
  if (nodeAt(node, 'arg') !== null) useOperator(context, ['='], context.places.of(node))
  context.visitFields(typed, scope)
}

const visitSort: Visitor = (context, sort, scope, typed) => {
  const names = nameParts(sort, 'useOp')
  if (names.length > 0) useOperator(context, names, context.places.of(sort))
  context.visitFields(typed, scope, ['useOp'])
}

/** JSON_OBJECT, JSON_ARRAYAGG, JSON_SCALAR and their kin make JSON of values of any type: what each is handed is such a node. */
const visitJson: Visitor = (context, json, scope, typed) => {
  useJsonCasts(context, context.places.of(json))
  context.visitFields(typed, scope)
}

/** IS DOCUMENT, xmlparse and their kin compute; what they compute on is in their fields. */
export const EXPRESSION_VISITORS: Readonly<Record<NodesRuled<'expression'>, Visitor>> = {
  ColumnRef: visitColumn,
  A_Indirection: visitIndirection,
  A_Expr: visitOperator,
  FuncCall: visitCall,
  RangeTableSample: visitTableSample,
  TypeCast: visitCast,
  TypeName: visitType,
  SubLink: visitSubLink,
  CaseExpr: visitCase,
  SortBy: visitSort,
  JsonArrayQueryConstructor: visitJson,
  JsonScalarExpr: visitJson,
  JsonValueExpr: visitJson,
}
