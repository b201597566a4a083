import { type Instant, type Rule, type TimeWindow, WEEKDAYS, type When } from '@querywarden/policy-core'
import fc from 'fast-check'

/** 2024-01-01T00:00Z, a Monday. */
const MONDAY: Instant = 1_704_067_200_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const WEEK_HOURS = 168
const STEP_MS = 15 * MINUTE_MS

/** Moments that rules tell apart: in their windows, around their edges, and every hour of a week. Null where none does. */
export function moments(rules: readonly Rule[]): fc.Arbitrary<Instant | null> {
  const whens = rules.flatMap(({ when }) => when ?? [])
  if (whens.length === 0) return fc.constant(null)
  const edges = whens.flatMap(({ from, until }) => [from, until].filter(edge => edge !== null))
  const inside = whens.flatMap(when => (when.windows ?? []).flatMap(window => momentsIn(window, startOf(when))))
  const hours = fc.record({ start: fc.constantFrom(MONDAY, ...edges), hour: fc.nat(WEEK_HOURS) })
  return fc.oneof(
    hours.map(({ start, hour }) => start + hour * HOUR_MS),
    ...(inside.length === 0 ? [] : [fc.constantFrom(...inside)]),
    ...(edges.length === 0
      ? []
      : [fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -1, max: 1 })).map(([edge, by]) => edge + by)]),
  )
}

/** Where a week begins in which a rule holds. */
const startOf = ({ from, until }: When): Instant => from ?? (until === null ? MONDAY : until - WEEK_HOURS * HOUR_MS)

/** The quarters of an hour of a week that lie in a window. */
function momentsIn({ days, from, to, zone }: TimeWindow, start: Instant): readonly Instant[] {
  const clock = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
  })
  const steps = Array.from({ length: (WEEK_HOURS * HOUR_MS) / STEP_MS }, (_, step) => start + step * STEP_MS)
  return steps.filter(moment => {
    const parts = new Map(clock.formatToParts(moment).map(({ type, value }) => [type, value]))
    const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'))
    const weekday = parts.get('weekday')?.toLowerCase() ?? ''
    const today = WEEKDAYS.findIndex(day => weekday.startsWith(day))
    // A window that ends on the next day belongs to the day on which it began.
    const isOvernight = to <= from
    const began = isOvernight && minute < to ? WEEKDAYS.at(today - 1) : WEEKDAYS[today]
    const isTime = isOvernight ? minute >= from || minute < to : minute >= from && minute < to
    return isTime && (days === null || days.some(day => day === began))
  })
}
