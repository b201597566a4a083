import { DATE_UNITS, type JsonMember, type Mask, type MaskKind, type ValueMask } from '../mask.ts'

/** From the strictest on: what comes first shows less. */
const STRICTEST_FIRST: readonly MaskKind[] = [
  'null',
  'redact',
  'constant',
  'hash',
  'date-trunc',
  'partial',
  'email',
  'json',
]

const REDACT: ValueMask = { kind: 'redact' }

/**
 * The one mask to show a value by when several apply: the strictest kind, with the stricter parameters. Two masks of a
 * kind of which neither is the stricter count as `redact` too, so that no order of masks and no further mask ever shows more.
 * Masks of JSON members add up; one on the whole value holds instead of them.
 */
export function strictestMask(masks: readonly Mask[]): Mask | null {
  let strictest: Mask | null = null
  for (const kind of [...STRICTEST_FIRST].reverse()) {
    const ofKind = masks.filter(mask => mask.kind === kind)
    const merged = kind === 'json' ? mergedMembers(ofKind) : ofKind.reduce<Mask | null>(mergeWith, null)
    if (merged === null) continue
    strictest = strictest === null ? merged : stricterKind(strictest, merged)
  }
  return strictest
}

/** Every path that one of them names, with the strictest of its masks. */
function mergedMembers(masks: readonly Mask[]): Mask | null {
  const byPath = new Map<string, JsonMember[]>()
  for (const member of masks.flatMap(mask => (mask.kind === 'json' ? mask.members : []))) {
    const key = JSON.stringify(member.path)
    byPath.set(key, [...(byPath.get(key) ?? []), member])
  }
  const members = [...byPath.values()].flatMap(([first, ...more]) => {
    const mask = first === undefined ? null : strictestMask([first.mask, ...more.map(each => each.mask)])
    return first === undefined
      ? []
      : [{ path: first.path, mask: mask === null || mask.kind === 'json' ? REDACT : mask }]
  })
  return masks.length === 0 ? null : { kind: 'json', members }
}

const mergeWith = (merged: Mask | null, mask: Mask): Mask => (merged === null ? mask : mergeOfOneKind(merged, mask))

const stricterKind = (a: Mask, b: Mask): Mask =>
  STRICTEST_FIRST.indexOf(a.kind) <= STRICTEST_FIRST.indexOf(b.kind) ? a : b

function mergeOfOneKind(a: Mask, b: Mask): Mask {
  if (a.kind === 'partial' && b.kind === 'partial') {
    return {
      kind: 'partial',
      first: Math.min(a.first, b.first),
      last: Math.min(a.last, b.last),
      // Neither shows more; the choice only has to be the same whatever the order.
      fill: [a.fill, b.fill].sort()[0] ?? a.fill,
    }
  }
  if (a.kind === 'date-trunc' && b.kind === 'date-trunc') {
    return DATE_UNITS.indexOf(a.unit) <= DATE_UNITS.indexOf(b.unit) ? a : b
  }
  return isSame(a, b) ? a : REDACT
}

function isSame(a: Mask, b: Mask): boolean {
  if (a.kind === 'constant' && b.kind === 'constant') return a.value === b.value
  if (a.kind === 'hash' && b.kind === 'hash') return keyOf(a) === keyOf(b)
  return a.kind === b.kind
}

const keyOf = ({ key }: Extract<Mask, { kind: 'hash' }>): string =>
  key === null ? '' : JSON.stringify([key.kind, key.kind === 'env' ? key.name : key.path])
