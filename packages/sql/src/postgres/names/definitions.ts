import { isNode, type Node, nodeAt, type TypedNode, textAt, typedNode } from '../node.ts'
import { fieldsOf } from '../node-rules.ts'
import { type Binder, bindFor } from './binder.ts'
import { isExpression, isQuery } from './expressions.ts'
import { roleBit } from './flow.ts'
import { entryOf, relationItem } from './items.ts'
import { type Entry, inside, NOWHERE, type Rows, type Scope } from './scope.ts'

const OUTPUT = roleBit('output')
const PREDICATE = roleBit('predicate')

/** Binds a statement that stands inside a definition. */
type BindStatement = (binder: Binder, statement: TypedNode) => Rows | null

/**
 * Binds what a definition holds: queries, and expressions over a row of the relation that it is about, a rule's and a
 * trigger's over the old and the new one.
 */
export function bindDefinition(binder: Binder, typed: TypedNode, outer: Scope, bindStatement: BindStatement): void {
  const { type, body } = typed
  const relation = nodeAt(body, 'relation') ?? nodeAt(body, 'table')
  const scope = relation === null ? outer : inside(outer, rowsOfRelation(binder, relation))
  const fields = fieldsOf(type)
  for (const name in body) {
    const holds = fields?.get(name) ?? ''
    if (holds === '' || holds === 'RangeVar') continue
    const value = body[name]
    for (const held of Array.isArray(value) ? value : [value]) {
      const node = isNode(held) ? (holds === 'Node' ? typedNode(held) : { type: holds, body: held }) : null
      if (node !== null) bindPart(binder, node, scope, bindStatement)
    }
  }
}

function rowsOfRelation(binder: Binder, relation: Node): readonly Entry[] {
  const entry = entryOf(relation, relationItem(binder, relation), textAt(relation, 'relname'))
  const others = ['old', 'new'].map(name => ({ ...entry, name, isOpen: false, isAliased: true }))
  return [entry, ...others]
}

const STATEMENTS: ReadonlySet<string> = new Set([
  'CallStmt',
  'CopyStmt',
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'ExplainStmt',
  'PrepareStmt',
  'ViewStmt',
])

function bindPart(binder: Binder, typed: TypedNode, scope: Scope, bindStatement: BindStatement): void {
  const { type, body } = typed
  if (isQuery(type)) {
    if (scope === NOWHERE) bindStatement(binder, typed)
    else for (const { flow } of binder.query(typed, scope).fields) if (flow !== null) flow.roles |= OUTPUT
  } else if (STATEMENTS.has(type)) bindStatement(binder, typed)
  else if (isExpression(type)) bindFor(binder, [typed], scope, PREDICATE)
  else if (type !== 'A_Const' && type !== 'TypeName') {
    const column = type === 'IndexElem' || type === 'StatsElem' ? textAt(body, 'name') : ''
    if (column !== '') bindFor(binder, [bareColumn(column)], scope, PREDICATE)
    bindDefinition(binder, typed, scope, bindStatement)
  }
}

const bareColumn = (name: string): TypedNode => ({
  type: 'ColumnRef',
  body: { fields: [{ String: { sval: name } }] },
})
