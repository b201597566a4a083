const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const BYTES_OF: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1_000,
  KB: 1_000,
  MB: 1_000_000,
  GB: 1_000_000_000,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
}

/**
 * Reads a length of time such as `500ms`, `30s`, `10m`, `8h` or `2d`, in milliseconds; null for anything else.
 *
 * @example
 * readDurationMs('10m') // 600000
 */
export const readDurationMs = (text: string): number | null => readQuantity(text, MS_OF)

/**
 * Reads a size such as `50MB` (powers of 1000) or `64MiB` (powers of 1024), in bytes; null for anything else.
 *
 * @example
 * readBytes('50MB') // 50000000
 */
export const readBytes = (text: string): number | null => readQuantity(text, BYTES_OF)

function readQuantity(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, digits = '', unit = ''] = /^([1-9][0-9]{0,11})([A-Za-z]{0,3})$/.exec(text) ?? []
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined
  if (digits === '' || factor === undefined) return null
  const quantity = Number(digits) * factor
  return Number.isSafeInteger(quantity) ? quantity : null
}

/**
 * Reads a time of day such as `08:00` or `24:00`, in minutes since midnight; null for anything else.
 *
 * @example
 * readTimeOfDay('08:30') // 510
 */
export function readTimeOfDay(text: string): number | null {
  const [, hours = '', minutes = ''] = /^([01][0-9]|2[0-4]):([0-5][0-9])$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  return hours === '' || minute > 1_440 ? null : minute
}

/**
 * Reads a moment of RFC 3339, section 5.6, such as `2026-01-31T18:00:00Z`, in milliseconds since 1970; null for anything
 * else, and for one that leaves its offset open.
 *
 * @example
 * readInstant('1970-01-01T01:00:00+01:00') // 0
 */
export function readInstant(text: string): number | null {
  const [, day = ''] =
    /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text) ?? []
  const instant = Date.parse(text)
  // A day that isn't, such as 31 February, would be taken for one in March.
  const isDay = day !== '' && new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) === true
  return isDay && Number.isFinite(instant) ? instant : null
}
