import { type Node, nodesAt, type TypedNode, textAt, typedAt, typedNode, typedNodesAt } from '../../node.ts'
import { nodesIn } from '../walk-tree.ts'

/** Every SELECT of a statement with a plain GROUP BY. Of grouping sets each has its own columns, which nothing can be added to. */
export function groupedSelects(statement: TypedNode): readonly Node[] {
  const found: Node[] = []
  for (const { type, body } of nodesIn(statement)) if (type === 'SelectStmt' && isGrouped(body)) found.push(body)
  return found
}

function isGrouped(select: Node): boolean {
  const items = groupItemsOf(select)
  return items.length > 0 && items.every(({ typed }) => typed.type !== 'GroupingSet')
}

/** An item of GROUP BY: as it stands in its list, and without its wrapping. */
export interface GroupItem {
  readonly wrapped: Node
  readonly typed: TypedNode
}

/** The items of GROUP BY; `(a, b)` is two of them (flatten_grouping_sets in parse_clause.c). */
export const groupItemsOf = (select: Node): readonly GroupItem[] => flat(nodesAt(select, 'groupClause'))

const flat = (list: readonly Node[]): readonly GroupItem[] =>
  list.flatMap(wrapped => {
    const typed = typedNode(wrapped)
    if (typed === null) return []
    const isRow = typed.type === 'RowExpr' && textAt(typed.body, 'row_format') === 'COERCE_IMPLICIT_CAST'
    return isRow ? flat(nodesAt(typed.body, 'args')) : [{ wrapped, typed }]
  })

/** The relations that stand in a SELECT's own FROM, as RangeVars. */
export function rangesOf(select: Node): readonly Node[] {
  const found: Node[] = []
  const pending = [...typedNodesAt(select, 'fromClause')]
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    const { type, body } = item
    if (type === 'RangeVar') found.push(body)
    for (const field of JOINED[type] ?? []) {
      const held = typedAt(body, field)
      if (held !== null) pending.push(held)
    }
  }
  return found
}

const JOINED: Readonly<Record<string, readonly string[]>> = {
  JoinExpr: ['larg', 'rarg'],
  RangeTableSample: ['relation'],
}
