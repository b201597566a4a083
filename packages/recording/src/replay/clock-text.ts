// The end of the year 9999, after which ISO 8601 needs more digits.
const LAST_INSTANT = 253_402_300_800_000

/** A recorded instant as ISO 8601 in UTC, or null: a time out of range must not stop who reads it. */
export const isoTime = (at: number): string | null =>
  at >= 0 && at < LAST_INSTANT ? new Date(Math.floor(at)).toISOString() : null

/** The day, and the time of day, in UTC. */
export function dayAndTime(at: number): { readonly day: string; readonly time: string } {
  const iso = isoTime(at)
  return iso === null
    ? { day: 'an impossible time', time: '--:--:--.---' }
    : { day: iso.slice(0, 10), time: iso.slice(11, 23) }
}

export const TIME_COLUMNS = 12
