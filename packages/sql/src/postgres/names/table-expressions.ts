import { type Node, nodeAt, type TypedNode, textAt, typedAt, typedNodesAt } from '../node.ts'
import { type Binder, newFlow } from './binder.ts'
import type { Flow } from './flow.ts'
import { derivedItem } from './items.ts'
import type { Field, Item, Scope } from './scope.ts'

/** XMLTABLE: columns computed from a document, and from expressions of their own. */
export function bindXmlTable(binder: Binder, table: Node, scope: Scope): Item {
  const document = newFlow(binder, binder.places.of(table))
  for (const field of ['docexpr', 'rowexpr']) bindAt(binder, table, field, scope, document)
  for (const { body } of typedNodesAt(table, 'namespaces')) bindAt(binder, body, 'val', scope, document)
  const fields = typedNodesAt(table, 'columns').map(({ body }) => {
    const flow = newFlow(binder, document.place)
    flow.from.push(document)
    for (const field of ['colexpr', 'coldefexpr']) bindAt(binder, body, field, scope, flow)
    return computed(textAt(body, 'colname'), flow)
  })
  return derivedItem({ fields, isComplete: true })
}

/** JSON_TABLE: columns computed from a document, nested ones too. */
export function bindJsonTable(binder: Binder, table: Node, scope: Scope): Item {
  const document = newFlow(binder, binder.places.of(table))
  const context = nodeAt(table, 'context_item')
  if (context !== null) binder.expression({ type: 'JsonValueExpr', body: context }, scope, document)
  for (const each of typedNodesAt(table, 'passing')) binder.expression(each, scope, document)
  const fields: Field[] = []
  const add = (columns: readonly TypedNode[]): void => {
    for (const { body } of columns) {
      const name = textAt(body, 'name')
      const flow = newFlow(binder, document.place)
      flow.from.push(document)
      for (const field of ['on_empty', 'on_error']) {
        const behavior = nodeAt(body, field)
        if (behavior !== null) bindAt(binder, behavior, 'expr', scope, flow)
      }
      if (textAt(body, 'coltype') !== 'JTC_NESTED') fields.push(computed(name, flow))
    }
    // Those of nested paths come behind.
    for (const { body } of columns) add(typedNodesAt(body, 'columns'))
  }
  add(typedNodesAt(table, 'columns'))
  return derivedItem({ fields, isComplete: true })
}

const computed = (name: string, flow: Flow): Field => ({ name, flow, column: null, used: null })

function bindAt(binder: Binder, node: Node, field: string, scope: Scope, sink: Flow): void {
  const typed = typedAt(node, field)
  if (typed !== null) binder.expression(typed, scope, sink)
}
