import type { DateUnit, Mask } from '@querywarden/policy-core'
import { dayNumber, dayOf } from '../calendar.ts'
import type { ColumnType } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { DAY_MICROS, formatIso, type Moment, parseIso } from '../iso-date-text.ts'
import { call, cast, literal } from '../sql-text.ts'

type DateKind = 'date' | 'timestamp' | 'timestamptz'

/**
 * Cuts to the start of the unit; timestamptz in UTC, whatever the session's zone. Infinity stays: it says "no date".
 * NULL for other types, for the year 4714 BC (its start isn't a PostgreSQL date) and for dates that no timestamp
 * reaches (after 294276), because computing them would raise.
 */
export const dateTrunc = ({ unit }: Extract<Mask, { kind: 'date-trunc' }>, type: ColumnType): CompiledMask =>
  type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'timestamptz'
    ? truncated(unit, type.kind)
    : TO_NULL

const truncated = (unit: DateUnit, kind: DateKind): CompiledMask => ({
  kind: 'computed',
  sql: reference => truncSql(unit, kind, reference),
  text: text => {
    if (text === 'infinity' || text === '-infinity') return text
    const moment = parseIso(kind, text)
    return moment === null || !isInRange(moment) ? null : formatIso(kind, cut(unit, moment))
  },
  binary: kind === 'date' ? bytes => truncDateBytes(unit, bytes) : bytes => truncTimestampBytes(unit, bytes),
})

function truncSql(unit: DateUnit, kind: DateKind, reference: string): string {
  const name = literal(unit)
  const type = `pg_catalog.${kind}`
  const plain =
    kind === 'timestamptz'
      ? call('timezone', literal('UTC'), call('date_trunc', name, call('timezone', literal('UTC'), reference)))
      : call('date_trunc', name, cast(reference, 'pg_catalog.timestamp'))
  const isBefore = call(`${kind}_lt`, reference, cast(literal(FIRST[kind]), type))
  const isAfter = call('date_gt', reference, cast(literal('294276-12-31'), type))
  const isOutside = kind === 'date' ? `${isBefore} OR ${isAfter}` : isBefore
  const value = cast(plain, type)
  return `CASE WHEN NOT ${call('isfinite', reference)} THEN ${reference} WHEN ${isOutside} THEN NULL ELSE ${value} END`
}

const FIRST: Readonly<Record<DateKind, string>> = {
  date: '4713-01-01 BC',
  timestamp: '4713-01-01 00:00:00 BC',
  timestamptz: '4713-01-01 00:00:00+00 BC',
}
const FIRST_DAYS = dayNumber({ year: -4712, month: 1, day: 1 })
const LAST_DAYS = dayNumber({ year: 294_276, month: 12, day: 31 })

const isInRange = ({ days }: Moment): boolean => days >= FIRST_DAYS && days <= LAST_DAYS

const HOUR_MICROS = 3_600_000_000

function cut(unit: DateUnit, { days, micros }: Moment): Moment {
  switch (unit) {
    case 'hour':
      return { days, micros: Math.floor(micros / HOUR_MICROS) * HOUR_MICROS }
    case 'day':
      return { days, micros: 0 }
    case 'week':
      // 2000-01-01 was a Saturday, five days after its week's Monday.
      return { days: days - ((((days + 5) % 7) + 7) % 7), micros: 0 }
    case 'month':
      return { days: dayNumber({ ...dayOf(days), day: 1 }), micros: 0 }
    case 'quarter': {
      const day = dayOf(days)
      return { days: dayNumber({ ...day, month: day.month - ((day.month - 1) % 3), day: 1 }), micros: 0 }
    }
    case 'year':
      return { days: dayNumber({ ...dayOf(days), month: 1, day: 1 }), micros: 0 }
  }
}

/** Binary date: days from 2000-01-01, with the extremes for infinity (datatype/timestamp.h). */
function truncDateBytes(unit: DateUnit, bytes: Uint8Array): Uint8Array | null {
  if (bytes.length !== 4) return null
  const days = new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0)
  if (days === 0x7fffffff || days === -0x80000000) return bytes
  const moment = { days, micros: 0 }
  if (!isInRange(moment)) return null
  const result = Buffer.alloc(4)
  result.writeInt32BE(cut(unit, moment).days)
  return result
}

const INFINITY = 0x7fff_ffff_ffff_ffffn

/** Binary timestamp: microseconds from 2000-01-01, in UTC for timestamptz, with the extremes for infinity. */
function truncTimestampBytes(unit: DateUnit, bytes: Uint8Array): Uint8Array | null {
  if (bytes.length !== 8) return null
  const stamp = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0)
  if (stamp === INFINITY || stamp === -INFINITY - 1n) return bytes
  const rest = BigInt.asIntN(64, stamp % BigInt(DAY_MICROS))
  const micros = Number(rest) < 0 ? Number(rest) + DAY_MICROS : Number(rest)
  const moment = { days: Number((stamp - BigInt(micros)) / BigInt(DAY_MICROS)), micros }
  if (!isInRange(moment)) return null
  const result = cut(unit, moment)
  const target = Buffer.alloc(8)
  target.writeBigInt64BE(BigInt(result.days) * BigInt(DAY_MICROS) + BigInt(result.micros))
  return target
}
