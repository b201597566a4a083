import type { MaskedRelation, MaskSql } from '@querywarden/policy-core'
import type { Grammar } from '../engine.ts'
import { flagAt, type Node, numberAt, type TypedNode, typedAt, typedNodesAt } from '../node.ts'
import { extentOf } from './extent.ts'
import { disagreement, type Impossible, impossible, placeAt } from './impossible.ts'
import { queryOver, sourceNode, sourceText } from './masked-query.ts'
import { type Change, changeRange } from './rewrite-ranges.ts'
import type { Range } from './survey.ts'
import { dottedName, type TextCursor } from './text-cursor.ts'
import { childrenOf } from './walk-tree.ts'

interface Terms {
  readonly maskSql: MaskSql
  readonly grammar: Grammar
  readonly cursor: TextCursor
}

/**
 * Takes TABLESAMPLE into the query that stands in for the relation: which rows it picks depends on where they are stored,
 * and masks change nothing of that.
 */
export function changeSample(
  range: Range,
  sample: Node,
  { relation, columns }: MaskedRelation,
  { maskSql, grammar, cursor }: Terms,
): readonly (Change | Impossible)[] {
  const place = placeAt(range.location)
  if (relation.kind === 'derived')
    return [impossible(`\`${range.name}\` has masked columns and can not be sampled`, 'leave out TABLESAMPLE', place)]
  if (!isFixed(sample))
    return [impossible('TABLESAMPLE is given an expression that reads rows', 'give it a number or a parameter', place)]
  const extent = extentOf(cursor, range.node, range.location)
  const clause = clauseAt(cursor, numberAt(sample, 'location'))
  if (extent === null || clause === null)
    return [disagreement('TABLESAMPLE is not where the grammar says it is', place)]
  const isOnly = !flagAt(range.node, 'inh')
  const { relation: _, ...rest } = sample
  const source = {
    text: `${sourceText(relation, isOnly)} ${clause.text}`,
    fields: { fromClause: [{ RangeTableSample: { ...rest, relation: sourceNode(relation, isOnly) } }] },
  }
  const query = queryOver({ relation, columns }, source, () => null, maskSql, grammar)
  if (query.kind === 'impossible') return [query]
  const change = changeRange(range, query, cursor)
  if (change.kind === 'impossible') return [change]
  const gone: Change = { ...change, edit: { start: clause.start, end: clause.end, text: '' }, node: sample }
  return [change, gone]
}

/** Nothing in it reads a row: neither of what is around nor of its own. */
function isFixed(sample: Node): boolean {
  const repeatable = typedAt(sample, 'repeatable')
  const pending: TypedNode[] = [...typedNodesAt(sample, 'args'), ...(repeatable === null ? [] : [repeatable])]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.type === 'ColumnRef' || node.type === 'SubLink') return false
    const children = childrenOf(node)
    if (children === null) return false
    pending.push(...children)
  }
  return true
}

/** `TABLESAMPLE method (…) [REPEATABLE (…)]`, from where its method is named. */
function clauseAt(
  cursor: TextCursor,
  location: number,
): { readonly text: string; readonly start: number; readonly end: number } | null {
  const from = cursor.at(location)
  const method = from === null ? null : dottedName(cursor, from)
  if (from === null || method === null || cursor.wordAt(from - 1) !== 'tablesample') return null
  let after = behindParentheses(cursor, method.after)
  if (after !== null && cursor.wordAt(after) === 'repeatable') after = behindParentheses(cursor, after + 1)
  if (after === null) return null
  const words: string[] = []
  for (let at = from - 1; at < after; at++) words.push(cursor.textOf(at))
  return { text: words.join(' '), start: cursor.startOf(from - 1), end: cursor.endOf(after - 1) }
}

function behindParentheses(cursor: TextCursor, from: number): number | null {
  let depth = 0
  for (let at = from; cursor.textOf(at) !== ''; at++) {
    if (cursor.textOf(at) === '(') depth += 1
    else if (cursor.textOf(at) === ')') depth -= 1
    if (depth === 0) return at + 1
  }
  return null
}
