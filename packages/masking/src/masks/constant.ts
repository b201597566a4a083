import type { Mask } from '@querywarden/policy-core'
import { dayNumber, isDay } from '../calendar.ts'
import type { ColumnType, NumericSize } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { numericBytes } from '../numeric-bytes.ts'
import { literal } from '../sql-text.ts'
import { fixedText } from '../text-column.ts'
import { isStorableText } from '../utf8.ts'

/**
 * The same value for every row, NULL included. Only literals that mean one thing under every setting are taken:
 * canonical integers and decimals that fit without rounding, `true` and `false`, YYYY-MM-DD, dashed UUIDs; any text for
 * text types, cut to n. Everything else is NULL.
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
    case 'timestamp':
    case 'timestamptz':
    case 'bytea':
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
