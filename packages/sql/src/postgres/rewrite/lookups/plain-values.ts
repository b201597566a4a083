import { type Node, nameParts, nodeAt, nodesAt, type TypedNode, textAt, typedNode } from '../../node.ts'

/** A literal or parameter that a client gives a value by. */
export interface PlainValue {
  /** The A_Const or ParamRef, with its type. */
  readonly wrapped: Node
  readonly typed: TypedNode
  /** The type that it is cast to, by its name in pg_catalog; null where it takes that of what it is compared with. */
  readonly cast: string | null
  /** It is cast to an array of that type. */
  readonly isArray: boolean
}

/** The names of types in pg_catalog whose values a hash is made of. */
const HASHED: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'name', 'uuid', 'bytea'])

/** A literal in quotes or a parameter, as it is or cast to a type that values are hashed of; null for anything else. */
export function plainValue(wrapped: Node): PlainValue | null {
  const typed = typedNode(wrapped)
  if (typed?.type === 'ParamRef' || (typed?.type === 'A_Const' && 'sval' in typed.body))
    return { wrapped, typed, cast: null, isArray: false }
  if (typed?.type !== 'TypeCast') return null
  const inner = nodeAt(typed.body, 'arg')
  const type = nodeAt(typed.body, 'typeName')
  const value = inner === null ? null : plainValue(inner)
  const cast = type === null ? null : hashedType(type)
  if (value === null || value.cast !== null || type === null || cast === null) return null
  return { ...value, cast, isArray: nodesAt(type, 'arrayBounds').length > 0 }
}

/** A modifier would cut a value, and its hash too. */
function hashedType(type: Node): string | null {
  const names = nameParts(type, 'names')
  const name = names.at(-1) ?? ''
  const isOurs = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog')
  return isOurs && HASHED.has(name) && nodesAt(type, 'typmods').length === 0 ? name : null
}

/** Whether a value is in the text itself, or a parameter: not computed, and not read from anywhere. */
export function isGiven({ type, body }: TypedNode): boolean {
  if (type === 'A_Const' || type === 'ParamRef' || type === 'SetToDefault') return true
  const inner = type === 'TypeCast' ? typedNode(nodeAt(body, 'arg') ?? {}) : null
  return inner !== null && isGiven(inner)
}

/** Whether an operator is the server's own `=`. */
export const isEquals = (expression: Node): boolean => {
  const names = nameParts(expression, 'name')
  return names.at(-1) === '=' && (names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog'))
}

export const kindOf = (expression: Node): string => textAt(expression, 'kind')
