/** How a session is told in time. */
export interface Pace {
  /** So many times as fast as it was; Infinity for at once. */
  readonly speed: number
  /** The longest that nothing is told, in milliseconds of whoever looks on; Infinity for as it was. */
  readonly pauseMsMax: number
}

/** How long to wait between two moments of a session, in milliseconds. Recorded times that go back take no time. */
export function pauseBetween(before: number | null, next: number | null, { speed, pauseMsMax }: Pace): number {
  if (before === null || next === null || speed === Number.POSITIVE_INFINITY) return 0
  return Math.min(Math.max((next - before) / speed, 0), pauseMsMax)
}
