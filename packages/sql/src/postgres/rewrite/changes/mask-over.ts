import type { MaskedColumn, MaskSql } from '@querywarden/policy-core'
import type { Grammar } from '../../engine.ts'
import type { Node } from '../../node.ts'
import { disagreement, type Impossible } from '../impossible.ts'
import { expressionOf, INNER, maskReference } from '../masked-query.ts'
import { quoteName } from '../quote.ts'

/** An expression as text, and as the tree that it must come to, with its type. */
export interface Written {
  readonly kind: 'written'
  readonly text: string
  readonly node: Node
}

export interface MaskTerms {
  readonly maskSql: MaskSql
  readonly grammar: Grammar
}

/**
 * A mask over any value of its column's kind: `(SELECT mask("qw"."c") AS "c" FROM (SELECT value AS "c") AS "qw")`. What the
 * value's names mean is what they would mean without the mask, since nothing of FROM can be seen from within FROM; and the
 * expression is labelled like the column.
 */
export function maskOver(
  { column, mask }: Pick<MaskedColumn, 'column' | 'mask'>,
  value: Pick<Written, 'text' | 'node'>,
  { maskSql, grammar }: MaskTerms,
): Written | Impossible {
  const sql = maskSql(mask, column, maskReference(column))
  const expression = expressionOf(sql, column.name, grammar)
  const name = quoteName(column.name)
  if (expression === null) return disagreement(`the mask of ${name} is not an expression of that column`)
  return {
    kind: 'written',
    text: `(SELECT ${sql} AS ${name} FROM (SELECT ${value.text} AS ${name}) AS ${quoteName(INNER)})`,
    node: sublinkOf(expression, column.name, value.node),
  }
}

/** The same value where parentheses around a query alone would mean its rows: `IN (…)`, `= ANY (…)`. */
export const aloneInParentheses = ({ text, node }: Written): Written => ({
  kind: 'written',
  text: `COALESCE(${text})`,
  node: { CoalesceExpr: { args: [node] } },
})

const sublinkOf = (expression: Node, name: string, value: Node): Node => ({
  SubLink: {
    subLinkType: 'EXPR_SUBLINK',
    subselect: selectOf(expression, name, {
      fromClause: [{ RangeSubselect: { subquery: selectOf(value, name, {}), alias: { aliasname: INNER } } }],
    }),
  },
})

const selectOf = (value: Node, name: string, more: Node): Node => ({
  SelectStmt: {
    targetList: [{ ResTarget: { name, val: value } }],
    ...more,
    limitOption: 'LIMIT_OPTION_DEFAULT',
    op: 'SETOP_NONE',
  },
})
