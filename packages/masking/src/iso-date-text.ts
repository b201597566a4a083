import { dayNumber, dayOf, isDay } from './calendar.ts'

/** A moment on a calendar without zone: days and microseconds of the day. */
export interface Moment {
  /** From 2000-01-01. */
  readonly days: number
  readonly micros: number
}

export const DAY_MICROS = 86_400_000_000

/** Exactly what PostgreSQL prints under DateStyle ISO; what another style prints doesn't match. */
const ISO_TEXT =
  /^(\d{4,7})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(?:([+-])(\d\d)(?::(\d\d)(?::(\d\d))?)?)?( BC)?$/

/** Reads a date, timestamp or timestamptz in ISO style, the last as a moment in UTC; null for any other text. */
export function parseIso(kind: 'date' | 'timestamp' | 'timestamptz', text: string): Moment | null {
  const match = ISO_TEXT.exec(text)
  if (match === null) return null
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute, zoneSecond, era] = match
  if ((hour !== undefined) !== (kind !== 'date') || (sign !== undefined) !== (kind === 'timestamptz')) return null

  const date = { year: era === undefined ? Number(year) : 1 - Number(year), month: Number(month), day: Number(day) }
  if (Number(year) === 0 || !isDay(date)) return null
  const seconds = secondsOf(hour, minute, second)
  const offset = secondsOf(zoneHour, zoneMinute, zoneSecond) * (sign === '-' ? -1 : 1)
  if (Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) return null

  const micros = (seconds - offset) * 1e6 + Number((fraction ?? '').padEnd(6, '0'))
  const carry = Math.floor(micros / DAY_MICROS)
  return { days: dayNumber(date) + carry, micros: micros - carry * DAY_MICROS }
}

/** Prints whole seconds in ISO style; timestamptz in UTC. */
export function formatIso(kind: 'date' | 'timestamp' | 'timestamptz', { days, micros }: Moment): string {
  const { year, month, day } = dayOf(days)
  const date = `${digits(year > 0 ? year : 1 - year, 4)}-${digits(month, 2)}-${digits(day, 2)}`
  const seconds = Math.floor(micros / 1e6)
  const time = ` ${digits(Math.floor(seconds / 3600), 2)}:${digits(Math.floor(seconds / 60) % 60, 2)}:${digits(seconds % 60, 2)}`
  return `${date}${kind === 'date' ? '' : time}${kind === 'timestamptz' ? '+00' : ''}${year > 0 ? '' : ' BC'}`
}

const secondsOf = (hours: string | undefined, minutes: string | undefined, seconds: string | undefined): number =>
  Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)

const digits = (value: number, width: number): string => String(value).padStart(width, '0')
