import type { Mask } from '@querywarden/policy-core'

/** From the one that shows nothing to the one that shows most. On text, date-trunc gives NULL. */
const BY_WHAT_SHOWS: readonly Mask['kind'][] = ['null', 'date-trunc', 'redact', 'constant', 'hash', 'email', 'partial']

/** Of two masks on the same thing the one that shows less: obligations add up. */
export function stricterMask(one: Mask, other: Mask): Mask {
  if (one.kind === 'partial' && other.kind === 'partial') {
    return one.first + one.last <= other.first + other.last ? one : other
  }
  return BY_WHAT_SHOWS.indexOf(one.kind) <= BY_WHAT_SHOWS.indexOf(other.kind) ? one : other
}
