import { flagAt, type Node, nameParts, nodeAt, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow } from './binder.ts'
import { derivedItem, renamed, resultOf } from './items.ts'
import type { Field, Rows, Scope, WithQuery } from './scope.ts'

/**
 * The scope of a statement's body: with the queries of its WITH clause. Each of them sees those before it; under
 * RECURSIVE, all of them (transformWithClause in parse_cte.c). All are bound, read or not.
 */
export function enterWith(binder: Binder, clause: Node | null, outer: Scope): Scope {
  if (clause === null) return outer
  const queries = new Map<string, WithQuery>()
  const scope: Scope = { ...outer, withQueries: { queries, outer: outer.withQueries } }
  const isRecursive = flagAt(clause, 'recursive')
  const waiting = typedNodesAt(clause, 'ctes').map(
    ({ body }) => [textAt(body, 'ctename'), withQuery(binder, body, scope, isRecursive)] as const,
  )
  if (isRecursive) for (const [name, query] of waiting) queries.set(name, query)
  for (const [name, query] of waiting) {
    query.rows()
    queries.set(name, query)
  }
  return scope
}

/** A query that is bound once, when its rows are first asked for: maybe by itself. */
function withQuery(binder: Binder, node: Node, scope: Scope, isRecursive: boolean): WithQuery {
  let rows: Rows | null = null
  let isBinding = false
  const rowsOnce = (): Rows => {
    if (rows !== null) return rows
    // One that reads itself before it has given anything.
    if (isBinding) return unknownRows(binder)
    isBinding = true
    const query = typedAt(node, 'ctequery')
    const told = (left: Rows): Rows => {
      rows = named(binder, node, resultOf(binder, left))
      return rows
    }
    const bound = query === null ? unknownRows(binder) : binder.query(query, scope, isRecursive ? told : undefined)
    rows ??= named(binder, node, bound)
    return rows
  }
  return { rows: rowsOnce }
}

function unknownRows(binder: Binder): Rows {
  binder.isDoubtful = true
  return { fields: [], isComplete: false }
}

/** The columns under the names that the WITH clause gives them, and those that SEARCH and CYCLE add. */
function named(binder: Binder, node: Node, rows: Rows): Rows {
  const { fields, isComplete } = renamed(derivedItem(rows), nameParts(node, 'aliascolnames'))
  return { fields: [...fields, ...addedFields(binder, node, fields)], isComplete }
}

function addedFields(binder: Binder, node: Node, fields: readonly Field[]): readonly Field[] {
  const [search, cycle] = [nodeAt(node, 'search_clause'), nodeAt(node, 'cycle_clause')]
  const from = (name: string, columns: readonly string[]): Field => {
    const flow = newFlow(binder, binder.places.whole)
    for (const field of fields) if (columns.includes(field.name) && field.flow !== null) flow.from.push(field.flow)
    return { name, flow, column: null, used: null }
  }
  const added: Field[] = []
  if (search !== null) added.push(from(textAt(search, 'search_seq_column'), nameParts(search, 'search_col_list')))
  if (cycle !== null) {
    added.push(from(textAt(cycle, 'cycle_mark_column'), nameParts(cycle, 'cycle_col_list')))
    added.push(from(textAt(cycle, 'cycle_path_column'), nameParts(cycle, 'cycle_col_list')))
  }
  return added
}
