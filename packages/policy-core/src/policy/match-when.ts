import type { Instant } from '../principal.ts'
import { type LocalTime, localClock } from './local-time.ts'
import { type TimeWindow, WEEKDAYS, type Weekday, type When } from './policy.ts'

const MINUTE_MS = 60_000

/** Whether a time is in a window. Null where the time isn't known. */
export type MatchWhen = (now: Instant) => boolean | null

/** Prepares a condition on time. A zone that this runtime doesn't know makes it unknown. */
export function compileWhen({ windows, from, until }: When): MatchWhen {
  const compiled = windows?.map(compileWindow) ?? null
  return now => {
    if (!Number.isFinite(now)) return null
    if ((from !== null && now < from) || (until !== null && now >= until)) return false
    if (compiled === null) return true
    const answers = compiled.map(isIn => isIn(now))
    return answers.includes(true) ? true : answers.includes(null) ? null : false
  }
}

/**
 * The first moment after `now` at which the answer may be another. Zones differ from UTC by whole minutes and change
 * their clocks at whole minutes, so that within one of UTC's no window opens or closes.
 */
export function steadyUntil({ windows, from, until }: When, now: Instant): Instant {
  const edges = [from, until].filter(edge => edge !== null && edge > now)
  const minuteEnd = windows === null ? Infinity : (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS
  return Math.min(minuteEnd, ...edges.map(edge => edge ?? Infinity))
}

function compileWindow(window: TimeWindow): MatchWhen {
  const clock = localClock(window.zone)
  return now => {
    const time = clock?.(now) ?? null
    return time === null ? null : isWithin(window, time)
  }
}

function isWithin({ days, from, to }: TimeWindow, { day, minute }: LocalTime): boolean {
  const isDay = (name: Weekday): boolean => days === null || days.includes(name)
  if (from < to) return isDay(day) && minute >= from && minute < to
  // Over midnight: the evening of the day on which it begins, or the morning after it.
  return (isDay(day) && minute >= from) || (isDay(before(day)) && minute < to)
}

const before = (day: Weekday): Weekday =>
  WEEKDAYS[(WEEKDAYS.indexOf(day) + WEEKDAYS.length - 1) % WEEKDAYS.length] ?? day
