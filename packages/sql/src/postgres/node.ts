/** A node of a raw parse tree: its fields, as libpg_query's JSON has them. Fields with default values are absent. */
export type Node = Readonly<Record<string, unknown>>

/** Whether a value of a tree is a node, and no list, text, number or flag. */
export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A field that holds a node, or null where it is absent. */
export function nodeAt(node: Node, field: string): Node | null {
  const value = node[field]
  return isNode(value) ? value : null
}

const NO_NODES: readonly never[] = []

/** A field that holds a list of nodes; empty where it is absent. */
export function nodesAt(node: Node, field: string): readonly Node[] {
  const value = node[field]
  return Array.isArray(value) ? value.filter(isNode) : NO_NODES
}

/** A field that holds a text, a name or the name of an enum's value; empty where it is absent. */
export function textAt(node: Node, field: string): string {
  const value = node[field]
  return typeof value === 'string' ? value : ''
}

/** A field that holds a number; 0 where it is absent, as in the server's own nodes. */
export function numberAt(node: Node, field: string): number {
  const value = node[field]
  return typeof value === 'number' ? value : 0
}

/** A field that holds a flag. */
export const flagAt = (node: Node, field: string): boolean => node[field] === true

/** A node with its type, as `{ "ColumnRef": { … } }` says it; null for an empty place in a list. */
export interface TypedNode {
  readonly type: string
  readonly body: Node
}

/** Takes the type off a wrapped node. Null for `{}`, which is how a NULL list element is written. */
export function typedNode(wrapped: Node): TypedNode | null {
  for (const type in wrapped) return { type, body: nodeAt(wrapped, type) ?? {} }
  return null
}

/** The typed node in a field, or null. */
export function typedAt(node: Node, field: string): TypedNode | null {
  const wrapped = nodeAt(node, field)
  return wrapped === null ? null : typedNode(wrapped)
}

/** The typed nodes of a list field, without empty places. */
export function typedNodesAt(node: Node, field: string): readonly TypedNode[] {
  const value = node[field]
  if (!Array.isArray(value)) return NO_NODES
  const nodes: TypedNode[] = []
  for (const each of value) {
    const typed = isNode(each) ? typedNode(each) : null
    if (typed !== null) nodes.push(typed)
  }
  return nodes
}

/** The text of a String node, or null for any other. */
export const stringOf = (typed: TypedNode | null): string | null =>
  typed?.type === 'String' ? textAt(typed.body, 'sval') : null

/** The parts of a dotted name kept as a list of String nodes. Other parts (a star, say) are left out. */
export function nameParts(node: Node, field: string): readonly string[] {
  const value = node[field]
  if (!Array.isArray(value)) return NO_NODES
  const parts: string[] = []
  for (const each of value) {
    const text = isNode(each) ? nodeAt(each, 'String') : null
    if (text !== null) parts.push(textAt(text, 'sval'))
  }
  return parts
}

/** A column reference as it is written. */
export interface ReferenceParts {
  readonly names: readonly string[]
  /** Whether it ends in a star. */
  readonly isStar: boolean
}

/** Reads a ColumnRef. */
export function referenceParts(column: Node): ReferenceParts {
  const fields = column['fields']
  const names: string[] = []
  let isStar = false
  if (!Array.isArray(fields)) return { names, isStar }
  for (const field of fields) {
    const text = isNode(field) ? nodeAt(field, 'String') : null
    if (text === null) isStar = true
    else names.push(textAt(text, 'sval'))
  }
  return { names, isStar }
}
