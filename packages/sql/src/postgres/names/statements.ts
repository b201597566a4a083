import { flagAt, type Node, nodeAt, stringOf, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, bindFor, newFlow, newLeaf } from './binder.ts'
import { bindDefinition } from './definitions.ts'
import { bindDelete, bindInsert, bindMerge, bindUpdate } from './dml.ts'
import { roleBit } from './flow.ts'
import { rowsOf } from './indirections.ts'
import { entryOf, fieldNamed, relationItem, restOf } from './items.ts'
import { type Entry, type Field, inside, NOWHERE, type OnLeft, type Rows, type Scope } from './scope.ts'
import { bindSelect } from './select.ts'

const OUTPUT = roleBit('output')
const PREDICATE = roleBit('predicate')
const SET = roleBit('set')
const TARGET = roleBit('target')

/** Binds a query, or a statement that writes and may give rows by RETURNING. */
export function bindQuery(binder: Binder, { type, body }: TypedNode, scope: Scope, onLeft?: OnLeft): Rows {
  switch (type) {
    case 'SelectStmt':
      return bindSelect(binder, body, scope, onLeft)
    case 'InsertStmt':
      return bindInsert(binder, body, scope)
    case 'UpdateStmt':
      return bindUpdate(binder, body, scope)
    case 'DeleteStmt':
      return bindDelete(binder, body, scope)
    case 'MergeStmt':
      return bindMerge(binder, body, scope)
    default:
      binder.isDoubtful = true
      return { fields: [], isComplete: false }
  }
}

/** The rows that a statement gives, or null for one that gives none of its own. */
export function bindStatement(binder: Binder, statement: TypedNode): Rows | null {
  const { type, body } = statement
  switch (type) {
    case 'SelectStmt': {
      const rows = shown(bindQuery(binder, statement, NOWHERE))
      return nodeAt(body, 'intoClause') === null ? rows : null
    }
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt':
    case 'MergeStmt': {
      const rows = bindQuery(binder, statement, NOWHERE)
      return rows.fields.length === 0 ? null : rows
    }
    case 'ExplainStmt':
      bindHeld(binder, body, 'query')
      return explained(binder)
    case 'CopyStmt':
      return bindCopy(binder, body)
    case 'CreateTableAsStmt':
    case 'DeclareCursorStmt':
    case 'PrepareStmt':
    case 'ViewStmt':
      bindHeld(binder, body, 'query')
      return null
    case 'CallStmt':
      bindFor(binder, [{ type: 'FuncCall', body: nodeAt(body, 'funccall') ?? {} }], NOWHERE, SET)
      return null
    default:
      bindDefinition(binder, statement, NOWHERE, bindStatement)
      return null
  }
}

/** The statement that another one holds: its rows are shown, or kept. */
function bindHeld(binder: Binder, node: Node, field: string): void {
  const held = typedAt(node, field)
  if (held !== null) bindStatement(binder, held)
}

function shown(rows: Rows): Rows {
  for (const { flow } of rows.fields) if (flow !== null) flow.roles |= OUTPUT
  return rows
}

/** A plan may show constants, bounds and counts of anything that it looks at. */
function explained(binder: Binder): Rows {
  const flow = newFlow(binder, binder.places.whole)
  flow.isUnknown = true
  return { fields: [{ name: 'QUERY PLAN', flow, column: null, used: null }], isComplete: true }
}

function bindCopy(binder: Binder, copy: Node): Rows | null {
  const query = typedAt(copy, 'query')
  if (query !== null) return shown(bindQuery(binder, query, NOWHERE))
  const relation = nodeAt(copy, 'relation')
  if (relation === null) return null
  const entry = entryOf(relation, relationItem(binder, relation), textAt(relation, 'relname'))
  const names = typedNodesAt(copy, 'attlist').flatMap(name => stringOf(name) ?? [])
  const rows = copied(binder, entry, names, newFlow(binder, binder.places.of(relation)))
  if (!flagAt(copy, 'is_from')) return shown(rows)
  for (const { flow } of rows.fields) if (flow !== null) flow.roles |= TARGET
  const where = typedAt(copy, 'whereClause')
  if (where !== null) bindFor(binder, [where], inside(NOWHERE, [entry]), PREDICATE)
  return null
}

/** The columns that COPY lists, or all. */
function copied(binder: Binder, { item }: Entry, names: readonly string[], from: ReturnType<typeof newFlow>): Rows {
  if (names.length === 0) return rowsOf(binder, item, from)
  const fields: Field[] = names.map(name => {
    const field = fieldNamed(item, name)
    if (field?.column == null) return { name, flow: restOf(binder, item, name, from.place), column: null, used: null }
    return { ...field, flow: newLeaf(binder, field.column, from.place) }
  })
  return { fields, isComplete: true }
}
