import { formatIso, type Moment, parseIso } from '../iso-date-text.ts'
import { isStorableText } from '../utf8.ts'
import type { DatesIn, JsType } from './row-type.ts'

/** Types of columns that Dates stand for. */
export type DateKind = 'date' | 'timestamp' | 'timestamptz'

/** How Dates are read: as which type, and in which zone where the type has none. */
export interface DateReading {
  readonly kind: DateKind | null
  readonly dates: DatesIn
}

/** What a value is in JavaScript, or null for what no mask can be put on. */
export function jsTypeOf(value: unknown): Exclude<JsType, 'json'> | 'object' | null {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'bigint') return 'bigint'
  if (typeof value === 'boolean') return 'boolean'
  if (value instanceof Date) return 'date'
  if (value instanceof Uint8Array) return 'buffer'
  return typeof value === 'object' && value !== null ? 'object' : null
}

/** The text form of a value, as PostgreSQL would print it; null where it has none. Strings are text already. */
export function printValue(value: unknown, reading: DateReading): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 't' : 'f'
  if (typeof value === 'bigint') return String(value)
  // pg makes the number of what is infinite, also of dates.
  if (typeof value === 'number') return String(value).replace('Infinity', 'infinity')
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (!(value instanceof Date) || reading.kind === null || Number.isNaN(value.getTime())) return null
  return formatIso(reading.kind, momentOf(value, reading))
}

/** The value of a text form, or null where there is none of this kind. */
export function readValue(text: string, js: JsType, reading: DateReading): unknown {
  switch (js) {
    case 'string':
      return isStorableText(text) ? text : null
    case 'number': {
      const number = Number(text.replace('infinity', 'Infinity'))
      return text === '' || Number.isNaN(number) ? null : number
    }
    case 'bigint':
      return /^-?\d+$/.test(text) ? BigInt(text) : null
    case 'boolean':
      return text === 't' ? true : text === 'f' ? false : null
    case 'buffer':
      return text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : null
    case 'json':
      return JSON.parse(text)
    case 'date': {
      const moment = reading.kind === null ? null : parseIso(reading.kind, text)
      return moment === null ? null : dateOf(moment, reading)
    }
  }
}

const DAY_MS = 86_400_000
/** 2000-01-01, in UTC. */
const EPOCH_MS = 946_684_800_000

const isLocal = ({ kind, dates }: DateReading): boolean => dates === 'local' && kind !== 'timestamptz'

function momentOf(date: Date, reading: DateReading): Moment {
  const ms = isLocal(reading) ? localMs(date) : date.getTime()
  const days = Math.floor((ms - EPOCH_MS) / DAY_MS)
  return { days, micros: (ms - EPOCH_MS - days * DAY_MS) * 1000 }
}

/** What the clock on the wall says, as if it were that of UTC. */
function localMs(date: Date): number {
  const wall = new Date(0)
  wall.setUTCFullYear(date.getFullYear(), date.getMonth(), date.getDate())
  wall.setUTCHours(date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds())
  return wall.getTime()
}

function dateOf({ days, micros }: Moment, reading: DateReading): Date {
  const utc = new Date(EPOCH_MS + days * DAY_MS + Math.floor(micros / 1000))
  if (!isLocal(reading)) return utc
  const local = new Date(2000, 0, 1)
  local.setFullYear(utc.getUTCFullYear(), utc.getUTCMonth(), utc.getUTCDate())
  local.setHours(utc.getUTCHours(), utc.getUTCMinutes(), utc.getUTCSeconds(), utc.getUTCMilliseconds())
  return local
}
