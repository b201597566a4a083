import { isNode, type Node, nodeAt, nodesAt, numberAt, textAt } from '../../node.ts'

/** A column reference where it stands in the tree. */
export interface WrittenReference {
  /** With its type: `{ "ColumnRef": … }`. */
  readonly wrapped: Node
  readonly location: number
  readonly isStar: boolean
  /** The item of a SELECT's or RETURNING's list that it is all of, with its type; else null. */
  readonly item: Node | null
  /** It is in what ON CONFLICT infers an index by, which must be what the index says. */
  readonly isInference: boolean
  /** The value takes its name from it, and has none if it is anything else. */
  readonly givesName: boolean
  /** It stands alone between the parentheses of IN, ANY or ALL. */
  readonly isAlone: boolean
}

interface Around {
  /** The field that holds the node, or the list that it is in. */
  readonly field: string
  /** The item whose value the node is. */
  readonly item: Node | null
  readonly isInference: boolean
  readonly givesName: boolean
  readonly isAlone: boolean
}

/** Lists that a star may stand in for columns. */
const LISTS: ReadonlySet<string> = new Set(['targetList', 'returningList', 'exprs'])

/** Every column reference of a tree, by a walk that knows of no scopes. */
export function referencesIn(root: Node): readonly WrittenReference[] {
  const found: WrittenReference[] = []
  const pending: { readonly value: unknown; readonly around: Around }[] = [
    { value: root, around: { field: '', item: null, isInference: false, givesName: false, isAlone: false } },
  ]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, around } = next
    if (Array.isArray(value)) for (const each of value) pending.push({ value: each, around })
    if (!isNode(value)) continue
    const reference = nodeAt(value, 'ColumnRef')
    if (reference !== null) found.push(written(value, reference, around))
    for (const [field, held] of Object.entries(value))
      pending.push({ value: held, around: enter(value, field, around) })
  }
  return found
}

function enter(node: Node, field: string, around: Around): Around {
  const isInference = around.isInference || field === 'infer'
  const target = nodeAt(node, 'ResTarget')
  if (target !== null && field === 'ResTarget') {
    const isNamed = textAt(target, 'name') !== ''
    const item = LISTS.has(around.field) ? node : null
    const givesName = around.field === 'named_args' && !isNamed
    return { field: around.field, item, isInference, givesName, isAlone: false }
  }
  // From a ResTarget's body to its value, and no further.
  if (field === 'val') return { ...around, field, isInference, isAlone: false }
  const isAlone = standsAlone(node, field) || (around.isAlone && (field === 'List' || field === 'items'))
  return { field, item: null, isInference, givesName: false, isAlone }
}

function standsAlone(node: Node, field: string): boolean {
  const kind = textAt(node, 'kind')
  if (field !== 'rexpr') return false
  if (kind === 'AEXPR_OP_ANY' || kind === 'AEXPR_OP_ALL') return true
  return kind === 'AEXPR_IN' && nodesAt(nodeAt(nodeAt(node, 'rexpr') ?? {}, 'List') ?? {}, 'items').length === 1
}

function written(wrapped: Node, reference: Node, { item, isInference, givesName, isAlone }: Around): WrittenReference {
  const fields = reference['fields']
  const last: unknown = Array.isArray(fields) ? fields.at(-1) : null
  const isStar = isNode(last) && 'A_Star' in last
  return { wrapped, location: numberAt(reference, 'location'), isStar, item, isInference, givesName, isAlone }
}
