import type { Place, Rewriting } from '@querywarden/policy-core'

/** Why a statement can't be rewritten. */
export type Impossible = Extract<Rewriting, { kind: 'impossible' }>

/** Says why, and what to do instead. */
export const impossible = (why: string, hint: string, place: Place | null = null): Impossible => ({
  kind: 'impossible',
  why,
  hint,
  place,
})

/** For what should never happen: the classifier, the grammar and the rewriter disagree. */
export const disagreement = (why: string, place: Place | null = null): Impossible =>
  impossible(why, 'write the statement in another way, and report this one', place)

/** A place that only its start is known of. */
export const placeAt = (start: number): Place => ({ start, end: start })

/** For what would put a mask in the place of the value that it stands for. */
export const writesMask = (why: string, hint: string, place: Place | null = null): Impossible => ({
  ...impossible(why, hint, place),
  code: 'WRITES_MASK',
})
