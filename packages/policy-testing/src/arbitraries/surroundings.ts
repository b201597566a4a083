import type { Surroundings } from '@querywarden/policy-core'
import fc from 'fast-check'

/** The year in which arbitrary moments lie: with summer times, and a leap day. */
const FROM = Date.UTC(2028, 0, 1)
const TO = Date.UTC(2029, 0, 1)
const MINUTE_MS = 60_000

/** Moments, many of them at a whole minute, where windows open and close. */
export const instants = (): fc.Arbitrary<number> =>
  fc
    .tuple(fc.integer({ min: FROM / MINUTE_MS, max: TO / MINUTE_MS }), fc.constantFrom(0, 0, -1, 1, 59_999))
    .map(([minute, ms]) => minute * MINUTE_MS + ms)

/** Moments, and what a broken clock shows. */
export const clockReadings = (): fc.Arbitrary<number> =>
  fc.oneof({ weight: 9, arbitrary: instants() }, fc.constantFrom(Number.NaN, Infinity))

/** What is known of a statement besides its text: all, some or nothing. */
export const surroundings = (): fc.Arbitrary<Surroundings> =>
  fc.record({
    inTransaction: fc.option(fc.boolean()),
    multiStatement: fc.option(fc.boolean()),
    estimatedRows: fc.option(fc.constantFrom(0, 10, 11, 100, 101, 5_000)),
  })
