import { isNode, type Node, nodeAt, nodesAt, numberAt, textAt, typedAt } from './node.ts'

/** Fields that say where a node was written, not what it is. */
const PLACES = new Set(['location', 'list_start', 'list_end', 'rexpr_list_start', 'rexpr_list_end'])

/**
 * A text that is equal for two nodes that mean the same at the same place of a tree. References to the target of a
 * statement are equal with and without its name.
 */
export function shapeOf(node: Node | null, targetNames: ReadonlySet<string>): string {
  return JSON.stringify(node, (key, value: unknown) => {
    if (PLACES.has(key)) return undefined
    if (key !== 'ColumnRef' || !isNode(value)) return value
    const fields = nodesAt(value, 'fields')
    const qualifier = textAt(nodeAt(fields.at(-2) ?? {}, 'String') ?? {}, 'sval')
    return targetNames.has(qualifier) ? { fields: fields.slice(-1) } : value
  })
}

/** A constant as a comparable value, through casts; null where it isn't one. */
export function constantValue(node: Node, field: string): string | number | null {
  const typed = typedAt(node, field)
  if (typed?.type === 'TypeCast') return constantValue(typed.body, 'arg')
  if (typed?.type !== 'A_Const') return null
  const text = nodeAt(typed.body, 'sval')
  if (text !== null) return textAt(text, 'sval')
  const integer = nodeAt(typed.body, 'ival')
  if (integer !== null) return numberAt(integer, 'ival')
  const decimal = nodeAt(typed.body, 'fval')
  return decimal === null ? null : Number(textAt(decimal, 'fval'))
}
