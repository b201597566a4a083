import { type JsonMember, type JsonStep, strictestMask, type ValueMask } from '@querywarden/policy-core'

/**
 * The paths of a mask as the one way through a document that they make together. Paths are lax, as in SQL/JSON: a member
 * is looked for in every element of an array, and `[*]` takes what is no array for its only element.
 */
export type JsonNode =
  /** The whole value is masked. */
  | { readonly kind: 'leaf'; readonly mask: ValueMask }
  /** Every element of an array, and whatever else it may be, by `item`. */
  | { readonly kind: 'each'; readonly item: JsonNode }
  /** The named members of an object; what is no object is null, since what would be in it can't be told. */
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, JsonNode> }

const HIDDEN: JsonNode = { kind: 'leaf', mask: { kind: 'null' } }

/**
 * Puts paths together. Where one leads to a value that another leads into, the whole value is masked; and so it is where
 * there are none, since nobody masks a column in order to show it.
 */
export function jsonTree(members: readonly JsonMember[]): JsonNode {
  return members.length === 0
    ? HIDDEN
    : nodeOf(members.map(({ path, mask }) => ({ steps: path, mask, isInElement: false })))
}

/** What is left of a path. `isInElement`: an array was looked through for its next member. */
interface Rest {
  readonly steps: readonly JsonStep[]
  readonly mask: ValueMask
  readonly isInElement: boolean
}

function nodeOf(rests: readonly Rest[]): JsonNode {
  const mask = strictestMask(rests.filter(({ steps }) => steps.length === 0).map(rest => rest.mask))
  if (mask !== null) return mask.kind === 'json' ? HIDDEN : { kind: 'leaf', mask }
  if (rests.some(({ isInElement }) => isInElement)) return objectOf(rests)
  return { kind: 'each', item: nodeOf(rests.map(inElement)) }
}

const inElement = ({ steps, mask }: Rest): Rest =>
  steps[0]?.kind === 'elements'
    ? { steps: steps.slice(1), mask, isInElement: false }
    : { steps, mask, isInElement: true }

function objectOf(rests: readonly Rest[]): JsonNode {
  const members = new Map<string, Rest[]>()
  for (const { steps, mask } of rests) {
    const at = steps.findIndex(({ kind }) => kind === 'member')
    const step = steps[at]
    // A path that is for the elements of this value, and one for its members: nothing can be right for both.
    if (step?.kind !== 'member') return HIDDEN
    const rest = { steps: steps.slice(at + 1), mask, isInElement: false }
    members.set(step.name, [...(members.get(step.name) ?? []), rest])
  }
  return { kind: 'object', members: new Map([...members].map(([name, rest]) => [name, nodeOf(rest)])) }
}
