const HOUR_MS = 3_600_000
/** Logs are silent for so long where nobody works, or the gateway is off; more is a clock that was set, perhaps. */
const GAP_HOURS_MAX = 7 * 24
/** So long the clock has to go on after a gap before it is believed. */
export const HOLD_HOURS = 24

/** Whether a clock is to be believed when it says that something is old. */
export type ClockStanding =
  | { readonly kind: 'believed' }
  /** Times are missing from `from` to `to`, in milliseconds since 1970. */
  | { readonly kind: 'jumped'; readonly from: number; readonly to: number }

/**
 * Judges a clock by the times that are in logs. One that jumps ahead makes everything old at once; what tells it from
 * one that went on is that nothing was written down in between. `hours`: those since 1970 in which something was.
 */
export function clockStanding(hours: ReadonlySet<number>, now: number): ClockStanding {
  const present = Math.floor(now / HOUR_MS)
  const known = [...hours].filter(hour => hour <= present).sort((a, b) => a - b)
  let before = known[0] ?? present
  for (const hour of [...known, present]) {
    // A gap long ago was a gap: the clock has gone on since.
    if (hour - before > GAP_HOURS_MAX && present - hour < HOLD_HOURS) {
      return { kind: 'jumped', from: before * HOUR_MS, to: hour * HOUR_MS }
    }
    before = hour
  }
  return { kind: 'believed' }
}
