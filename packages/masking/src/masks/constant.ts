import type { Mask } from '@querywarden/policy-core'
import { dayNumber, isDay } from '../calendar.ts'
import type { ColumnType, NumericSize } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { DAY_MICROS, formatIso, type Moment, parseIso } from '../iso-date-text.ts'
import { fixedJson } from '../json/fixed-json.ts'
import { numericBytes } from '../numeric-bytes.ts'
import { literal } from '../sql-text.ts'
import { fixedText } from '../text-column.ts'
import { isStorableText } from '../utf8.ts'
import { fixedXml } from '../xml-column.ts'

/**
 * The same value for every row, NULL included. Only literals that mean one thing under every setting are taken:
 * canonical integers and decimals that fit without rounding, `true` and `false`, YYYY-MM-DD, HH:MM:SS, both with a blank
 * between and `+00` for timestamptz, dashed UUIDs, `\x` and hex digits, IPv4 addresses, for json a string, an integer,
 * true, false, null, {} or []; for xml a text without markup; any text for text types, cut to n. Everything else is NULL.
 */
export function constant({ value }: Extract<Mask, { kind: 'constant' }>, type: ColumnType): CompiledMask {
  switch (type.kind) {
    case 'text':
      return isStorableText(value) ? fixedText(type, value) : TO_NULL
    case 'integer':
      return integer(value, type.bytes)
    case 'numeric':
      return decimal(value, type.size)
    case 'bool':
      return value === 'true' || value === 'false'
        ? fixed(value.slice(0, 1), Uint8Array.of(value === 'true' ? 1 : 0))
        : TO_NULL
    case 'date':
      return date(value)
    case 'uuid':
      return UUID.test(value) ? fixed(value.toLowerCase(), Buffer.from(value.replaceAll('-', ''), 'hex')) : TO_NULL
    case 'float':
      return float(value, type.bytes)
    case 'time':
      return time(value)
    case 'timestamp':
    case 'timestamptz':
      return moment(value, type.kind)
    case 'json':
      return isPlainJson(value) ? fixedJson(type, value) : TO_NULL
    case 'xml':
      return isStorableText(value) && PLAIN_XML.test(value) ? fixedXml(value) : TO_NULL
    case 'inet':
      return inet(value)
    case 'bytea':
      return BYTEA.test(value) ? fixed(value, Buffer.from(value.slice(2), 'hex')) : TO_NULL
    case 'array':
    case 'other':
      return TO_NULL
  }
}

const fixed = (text: string, binary: Uint8Array): CompiledMask => ({ kind: 'fixed', sql: literal(text), text, binary })

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/

function integer(value: string, bytes: 2 | 4 | 8): CompiledMask {
  if (!INTEGER.test(value)) return TO_NULL
  const number = BigInt(value)
  if (BigInt.asIntN(bytes * 8, number) !== number) return TO_NULL
  const wide = Buffer.alloc(8)
  wide.writeBigInt64BE(number)
  return fixed(value, wide.subarray(8 - bytes))
}

const DECIMAL = /^-?(?:0|[1-9][0-9]{0,99})(?:\.[0-9]{1,100})?$/

function decimal(value: string, size: NumericSize | null): CompiledMask {
  if (!DECIMAL.test(value) || /^-[0.]*$/.test(value)) return TO_NULL
  if (size === null) return fixed(value, numericBytes(value))

  const [whole = '', fraction = ''] = value.replace('-', '').split('.')
  const wholeDigits = whole === '0' ? 0 : whole.length
  if (size.scale < 0 || fraction.length > size.scale || wholeDigits > size.precision - size.scale) return TO_NULL
  const scaled = size.scale === 0 ? value : `${value.split('.')[0]}.${fraction.padEnd(size.scale, '0')}`
  return fixed(scaled, numericBytes(scaled))
}

/** So many digits (FLT_DIG, DBL_DIG) are printed as they were read; numbers beyond the bounds get an exponent. */
const FLOAT_DIGITS = { 4: 6, 8: 15 } as const

function float(value: string, bytes: 4 | 8): CompiledMask {
  const digits = value.replace(/^-?(?:0[.]0*)?/, '').replace('.', '').length
  const number = Number(value)
  const isPlain = number === 0 || (Math.abs(number) >= 1e-4 && Math.abs(number) < 1e6)
  if (!DECIMAL.test(value) || String(number) !== value || digits > FLOAT_DIGITS[bytes] || !isPlain) return TO_NULL
  const binary = Buffer.alloc(bytes)
  if (bytes === 4) binary.writeFloatBE(number)
  else binary.writeDoubleBE(number)
  return fixed(value, binary)
}

const DATE = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/

function date(value: string): CompiledMask {
  const match = DATE.exec(value)
  if (match === null) return TO_NULL
  const day = { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) }
  if (day.year === 0 || !isDay(day)) return TO_NULL
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(dayNumber(day))
  return fixed(value, bytes)
}

const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/

const TIME = /^(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}$/

/** Microseconds of the day (time_send in utils/adt/date.c). */
function time(value: string): CompiledMask {
  const moment = TIME.test(value) ? parseIso('timestamp', `2000-01-01 ${value}`) : null
  return moment === null ? TO_NULL : fixed(value, microseconds(moment))
}

/** Whole seconds, of years that are written with four digits; timestamptz in UTC. */
function moment(value: string, kind: 'timestamp' | 'timestamptz'): CompiledMask {
  const read = parseIso(kind, value)
  return read !== null && formatIso(kind, read) === value && DATE.test(value.slice(0, 10))
    ? fixed(value, microseconds(read))
    : TO_NULL
}

function microseconds({ days, micros }: Moment): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(days) * BigInt(DAY_MICROS) + BigInt(micros))
  return bytes
}

const JSON_SCALAR = /^(?:true|false|null|\{\}|\[\]|0|-?[1-9][0-9]{0,99})$/

/** What json keeps and jsonb prints in the same spelling. */
function isPlainJson(value: string): boolean {
  if (JSON_SCALAR.test(value)) return true
  try {
    const text: unknown = JSON.parse(value)
    return typeof text === 'string' && isStorableText(text) && JSON.stringify(text) === value
  } catch {
    return false
  }
}

const PLAIN_XML = /^[^<>&\p{C}]*$/u
const BYTEA = /^\\x(?:[0-9a-f]{2})*$/
const IPV4 = /^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(?:[.](?=[0-9])|$)){4}$/

/** inet_send (utils/adt/network.c): PGSQL_AF_INET, the bits of the mask, no cidr, and four bytes. */
function inet(value: string): CompiledMask {
  return IPV4.test(value) ? fixed(value, Uint8Array.of(2, 32, 0, 4, ...value.split('.').map(Number))) : TO_NULL
}
