import { flagAt, nameParts, nodeAt, nodesAt, type TypedNode, textAt, typedNodesAt } from '../node.ts'
import { childrenOf } from './walk-tree.ts'

/** Whatever could bring in other rows, other names or values from outside. */
const FORBIDDEN_IN_MASKS: ReadonlySet<string> = new Set([
  'RangeVar',
  'RangeSubselect',
  'RangeTableFunc',
  'RangeTableSample',
  'JsonTable',
  'JoinExpr',
  'CommonTableExpr',
  'ParamRef',
  'A_Star',
])

/** A name and a column of it, as `name.column`. */
export interface Reference {
  readonly name: string
  readonly column: string
}

/**
 * Whether a mask reads one column and nothing else. A subquery may take values apart by functions of pg_catalog, and then
 * reads what these give: it is made of the column, too.
 */
export const readsOnly = (nodes: readonly TypedNode[], own: Reference): boolean =>
  nodes.every(node => isOwn(node, own, new Set()))

function isOwn(node: TypedNode, own: Reference, rows: ReadonlySet<string>): boolean {
  if (FORBIDDEN_IN_MASKS.has(node.type)) return false
  if (node.type === 'ColumnRef') return isColumn(node, own, rows)
  if (node.type === 'RangeFunction' && rowName(node, own) === null) return false
  const children = childrenOf(node)
  if (children === null) return false
  const from = node.type === 'SelectStmt' ? typedNodesAt(node.body, 'fromClause') : []
  const within = new Set([...rows, ...from.flatMap(each => rowName(each, own) ?? [])])
  // What stands in FROM sees nothing of FROM.
  return children.every(child => isOwn(child, own, child.at === 'SelectStmt.fromClause' ? rows : within))
}

function isColumn({ body }: TypedNode, own: Reference, rows: ReadonlySet<string>): boolean {
  const [name, column, ...more] = nameParts(body, 'fields')
  if (typedNodesAt(body, 'fields').length !== 2 || name === undefined || more.length > 0) return false
  return (name === own.name && column === own.column) || rows.has(name)
}

/** What the rows of built-in functions in FROM are called; null where there is more to it, or no name of their own. */
function rowName({ type, body }: TypedNode, own: Reference): string | null {
  const alias = nodeAt(body, 'alias')
  const name = alias === null ? '' : textAt(alias, 'aliasname')
  if (type !== 'RangeFunction' || name === '' || name === own.name || flagAt(body, 'lateral')) return null
  const calls = typedNodesAt(body, 'functions').flatMap(list => typedNodesAt(list.body, 'items'))
  const isBuiltIn = calls.every(
    call => call.type === 'FuncCall' && nameParts(call.body, 'funcname')[0] === 'pg_catalog',
  )
  return calls.length > 0 && isBuiltIn && nodesAt(body, 'coldeflist').length === 0 ? name : null
}
