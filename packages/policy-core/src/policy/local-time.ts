import type { Instant } from '../principal.ts'
import { WEEKDAYS, type Weekday } from './policy.ts'
import { nearestOf } from './schema-issues.ts'

/** What a clock on a wall shows. */
export interface LocalTime {
  readonly day: Weekday
  /** Minutes since midnight. */
  readonly minute: number
}

/** The moments that Intl can tell the time of (ECMA-262, section 21.4.1.1). */
const INSTANT_MAX = 8.64e15

/**
 * Gives the function that tells the time in a zone, or null where there is no such zone. It gives null for what is no moment.
 *
 * @example
 * localClock('Europe/Berlin')?.(Date.UTC(2026, 6, 6, 22, 30)) // { day: 'tue', minute: 30 }
 */
export function localClock(zone: string): ((now: Instant) => LocalTime | null) | null {
  const format = formatOf(zone)
  return format === null ? null : now => (Math.abs(now) <= INSTANT_MAX ? read(format.formatToParts(now)) : null)
}

/** What to say of a text that is no time zone. */
export function noTimeZone(zone: string): string {
  const near = nearestOf(zone, Intl.supportedValuesOf('timeZone'))
  return `no time zone, ${near === null ? 'expected an IANA name such as Europe/Berlin or UTC' : `did you mean ${near}?`}`
}

function formatOf(zone: string): Intl.DateTimeFormat | null {
  // Offsets such as `+02:00` are taken by some runtimes only, and know no summer time.
  if (!/^[A-Za-z]/.test(zone)) return null
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
    })
  } catch {
    return null
  }
}

function read(parts: readonly Intl.DateTimeFormatPart[]): LocalTime | null {
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.find(one => one.type === type)?.value ?? ''
  const weekday = part('weekday').toLowerCase()
  const day = WEEKDAYS.find(name => name === weekday)
  const hour = Number(part('hour') || 'none')
  const minute = Number(part('minute') || 'none')
  const isTime = hour >= 0 && hour < 24 && minute >= 0 && minute < 60
  return day === undefined || !isTime ? null : { day, minute: hour * 60 + minute }
}
