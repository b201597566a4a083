import type { Clock } from '@querywarden/policy-core'

/** When an entry of a block was written down, in both times, as whole microseconds. */
export interface Moment {
  readonly monoUs: number
  readonly wallUs: number
}

export const momentOf = (clock: Clock): Moment => ({
  monoUs: Math.round(clock.monotonic() * 1e3),
  wallUs: Math.round(clock.now() * 1e3),
})
