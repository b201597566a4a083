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
} from '../node.ts'
import type { Binder } from './binder.ts'

/** A label and how good it is: a cast's type is only taken where nothing better is found. */
interface Label {
  readonly name: string
  readonly strength: 0 | 1 | 2
}

const none: Label = { name: '?column?', strength: 0 }
const good = (name: string): Label => ({ name, strength: 2 })

/**
 * The label that the server gives to an expression without one (FigureColname in parse_target.c). Sub-selects in it must
 * be bound already.
 */
export const labelOf = (binder: Binder, expression: TypedNode): string => figure(binder, expression).name

function figure(binder: Binder, { type, body }: TypedNode): Label {
  const fixed = FIXED[type]
  if (fixed !== undefined) return good(fixed)
  switch (type) {
    case 'ColumnRef':
      return lastOf(nameParts(body, 'fields'))
    case 'FuncCall':
      return lastOf(nameParts(body, 'funcname'))
    case 'A_Indirection': {
      const step = lastOf(typedNodesAt(body, 'indirection').flatMap(each => stringOf(each) ?? []))
      return step.strength > 0 ? step : figureAt(binder, body, 'arg')
    }
    case 'A_Expr':
      return textAt(body, 'kind') === 'AEXPR_NULLIF' ? good('nullif') : none
    case 'TypeCast':
      return ofCast(binder, body)
    case 'CollateClause':
      return figureAt(binder, body, 'arg')
    case 'CaseExpr': {
      const otherwise = figureAt(binder, body, 'defresult')
      return otherwise.strength > 1 ? otherwise : { name: 'case', strength: 1 }
    }
    case 'SubLink':
      return ofSubselect(binder, body)
    case 'MinMaxExpr':
      return good(textAt(body, 'op') === 'IS_LEAST' ? 'least' : 'greatest')
    case 'SQLValueFunction':
      return good(
        textAt(body, 'op')
          .replace(/^SVFOP_/, '')
          .replace(/_N$/, '')
          .toLowerCase(),
      )
    case 'XmlExpr':
      return textAt(body, 'op') === 'IS_DOCUMENT' ? none : good(textAt(body, 'op').replace(/^IS_/, '').toLowerCase())
    case 'JsonFuncExpr':
      return good(textAt(body, 'op').replace(/_OP$/, '').toLowerCase())
    default:
      return none
  }
}

/** Expressions that always go by one name. */
const FIXED: Readonly<Record<string, string | undefined>> = {
  A_ArrayExpr: 'array',
  CoalesceExpr: 'coalesce',
  GroupingFunc: 'grouping',
  JsonArrayAgg: 'json_arrayagg',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonObjectConstructor: 'json_object',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  MergeSupportFunc: 'merge_action',
  RowExpr: 'row',
  XmlSerialize: 'xmlserialize',
}

const lastOf = (names: readonly string[]): Label => {
  const name = names.at(-1)
  return name === undefined ? none : good(name)
}

function figureAt(binder: Binder, node: Node, field: string): Label {
  const typed = typedAt(node, field)
  return typed === null ? none : figure(binder, typed)
}

function ofCast(binder: Binder, cast: Node): Label {
  const inner = figureAt(binder, cast, 'arg')
  if (inner.strength > 1) return inner
  const type = nodeAt(cast, 'typeName')
  const last = type === null ? undefined : nodesAt(type, 'names').at(-1)
  const name = last === undefined ? null : stringOf(typedNode(last))
  return name === null ? inner : { name, strength: 1 }
}

function ofSubselect(binder: Binder, link: Node): Label {
  switch (textAt(link, 'subLinkType')) {
    case 'EXISTS_SUBLINK':
      return good('exists')
    case 'ARRAY_SUBLINK':
      return good('array')
    case 'EXPR_SUBLINK': {
      const label = binder.subselectLabels.get(link)
      return label === undefined ? none : good(label)
    }
    default:
      return none
  }
}
