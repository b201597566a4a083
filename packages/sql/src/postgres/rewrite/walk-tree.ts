import { isNode, type Node, nodesAt, type TypedNode, typedNode } from '../node.ts'
import { fieldsOf } from '../node-rules.ts'

/** A node where it stands: in a field of its parent. */
export interface Standing extends TypedNode {
  /** `SelectStmt.fromClause`; empty at the root. */
  readonly at: string
}

/** The nodes right below a node, or null where its type isn't known. */
export function childrenOf({ type, body }: TypedNode): readonly Standing[] | null {
  const fields = fieldsOf(type)
  if (fields === null) return null
  return [...fields].flatMap(([field, holds]) => {
    const held = body[field]
    if (holds === '' || held === undefined) return []
    const nodes: readonly Node[] = Array.isArray(held) ? nodesAt(body, field) : isNode(held) ? [held] : []
    return nodes.flatMap(node => {
      const typed = holds === 'Node' ? typedNode(node) : { type: holds, body: node }
      return typed === null ? [] : { ...typed, at: `${type}.${field}` }
    })
  })
}

/** A node and all below it that is of known types. */
export function* nodesIn(root: TypedNode): Generator<TypedNode, void> {
  const pending = [root]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    yield node
    for (const child of childrenOf(node) ?? []) pending.push(child)
  }
}

/** All objects of a tree, whatever they are and however they got there. */
export function* objectsIn(root: unknown): Generator<Node, void> {
  const pending = [root]
  while (pending.length > 0) {
    const value = pending.pop()
    if (typeof value !== 'object' || value === null) continue
    if (isNode(value)) yield value
    for (const held of Object.values(value)) pending.push(held)
  }
}

/** How many objects of a tree have a field of this name. */
export function countField(root: unknown, field: string): number {
  let count = 0
  for (const object of objectsIn(root)) if (Object.hasOwn(object, field)) count += 1
  return count
}
