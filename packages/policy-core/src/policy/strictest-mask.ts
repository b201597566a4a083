import { DATE_UNITS, type Mask, type MaskKind } from '../mask.ts'

/** From the strictest on: what comes first shows less. */
const STRICTEST_FIRST: readonly MaskKind[] = ['null', 'redact', 'constant', 'hash', 'date-trunc', 'partial', 'email']

const REDACT: Mask = { kind: 'redact' }

/**
 * The one mask to show a value by when several apply: the strictest kind, with the stricter parameters. Two masks of a
 * kind of which neither is the stricter count as `redact` too, so that no order of masks and no further mask ever shows more.
 */
export function strictestMask(masks: readonly Mask[]): Mask | null {
  let strictest: Mask | null = null
  for (const kind of [...STRICTEST_FIRST].reverse()) {
    const merged = masks.filter(mask => mask.kind === kind).reduce<Mask | null>(mergeWith, null)
    if (merged === null) continue
    strictest = strictest === null ? merged : stricterKind(strictest, merged)
  }
  return strictest
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
