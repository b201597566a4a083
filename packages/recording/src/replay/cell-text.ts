/** What a value is, as far as its text is concerned. */
export interface CellType {
  readonly typeOid: number
  readonly format: 'text' | 'binary'
}

/**
 * A cell of a result as a person would read it: text as it is, binary values of the usual types as the server would have
 * written them in text, others in hex.
 */
export function cellText(cell: Uint8Array, type: CellType): string {
  const bytes = Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength)
  if (type.format === 'text') return bytes.toString('utf8')
  try {
    return binaryText(bytes, type.typeOid) ?? hexText(bytes)
  } catch (error) {
    // Shorter than its type says.
    if (error instanceof RangeError) return hexText(bytes)
    throw error
  }
}

const hexText = (bytes: Buffer): string => `\\x${bytes.toString('hex')}`

/** Types of numbers, to be aligned at the right. */
export const isNumeric = ({ typeOid }: CellType): boolean => NUMERIC_OIDS.has(typeOid)

// The OIDs are those of pg_type.dat, which never change. The binary forms: src/backend/utils/adt, the *_send functions.
const NUMERIC_OIDS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700])

type Decode = (bytes: Buffer) => string | null

const utf8: Decode = bytes => bytes.toString('utf8')
const sized =
  (size: number, decode: Decode): Decode =>
  bytes =>
    bytes.length === size ? decode(bytes) : null

const DECODERS: ReadonlyMap<number, Decode> = new Map([
  [16, sized(1, bytes => (bytes[0] === 0 ? 'f' : 't'))],
  [17, hexText],
  [18, utf8],
  [19, utf8],
  [20, sized(8, bytes => bytes.readBigInt64BE(0).toString())],
  [21, sized(2, bytes => String(bytes.readInt16BE(0)))],
  [23, sized(4, bytes => String(bytes.readInt32BE(0)))],
  [25, utf8],
  [26, sized(4, bytes => String(bytes.readUInt32BE(0)))],
  [114, utf8],
  [142, utf8],
  [650, bytes => inetText(bytes)],
  [700, sized(4, bytes => String(Math.fround(bytes.readFloatBE(0))))],
  [701, sized(8, bytes => String(bytes.readDoubleBE(0)))],
  [869, bytes => inetText(bytes)],
  [1042, utf8],
  [1043, utf8],
  [1082, sized(4, bytes => dateText(bytes.readInt32BE(0)))],
  [1083, sized(8, bytes => timeText(bytes.readBigInt64BE(0)))],
  [1114, sized(8, bytes => timestampText(bytes.readBigInt64BE(0), ''))],
  [1184, sized(8, bytes => timestampText(bytes.readBigInt64BE(0), '+00'))],
  [1186, sized(16, bytes => intervalText(bytes))],
  [1700, bytes => numericText(bytes)],
  [2950, sized(16, bytes => uuidText(bytes))],
  // jsonb: a version, then text.
  [3802, bytes => (bytes[0] === 1 ? bytes.toString('utf8', 1) : null)],
])

/** Array types, by the names of pg_type.dat: _bool, _bytea, _name, _int2, _int4, _text, _bpchar, _varchar, _int8 … */
const ARRAY_OIDS: ReadonlySet<number> = new Set([
  199, 651, 1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1041, 1115, 1182, 1183, 1185, 1187,
  1231, 2951, 3807,
])

const binaryText = (bytes: Buffer, typeOid: number): string | null =>
  ARRAY_OIDS.has(typeOid) ? arrayText(bytes) : (DECODERS.get(typeOid)?.(bytes) ?? null)

const uuidText = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

const MICROS_A_DAY = 86_400_000_000n
/** From 1970 to 2000, where PostgreSQL's times begin. */
const DAYS_TO_2000 = 10_957
const [DATE_MAX, DATE_MIN] = [2_147_483_647, -2_147_483_648]
const [TIME_MAX, TIME_MIN] = [9_223_372_036_854_775_807n, -9_223_372_036_854_775_808n]

function dateText(days: number): string | null {
  if (days === DATE_MAX || days === DATE_MIN) return days > 0 ? 'infinity' : '-infinity'
  const date = new Date((days + DAYS_TO_2000) * 86_400_000)
  const year = date.getUTCFullYear()
  // Years that ISO 8601 writes with more than four digits: rather in hex than wrong.
  return year >= 1 && year <= 9_999 ? date.toISOString().slice(0, 10) : null
}

function timestampText(micros: bigint, zone: string): string | null {
  if (micros === TIME_MAX || micros === TIME_MIN) return micros > 0n ? 'infinity' : '-infinity'
  const ofDay = ((micros % MICROS_A_DAY) + MICROS_A_DAY) % MICROS_A_DAY
  const date = dateText(Number((micros - ofDay) / MICROS_A_DAY))
  return date === null ? null : `${date} ${timeText(ofDay)}${zone}`
}

function timeText(micros: bigint): string {
  const two = (value: bigint): string => String(value).padStart(2, '0')
  const seconds = micros / 1_000_000n
  const fraction = String(micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${two(seconds / 3_600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction === '' ? '' : `.${fraction}`}`
}

function intervalText(bytes: Buffer): string {
  const [micros, days, months] = [bytes.readBigInt64BE(0), bytes.readInt32BE(8), bytes.readInt32BE(12)]
  const time = micros === 0n ? '' : `${micros < 0n ? '-' : ''}${timeText(micros < 0n ? -micros : micros)}`
  const parts = [months === 0 ? '' : `${months} mons`, days === 0 ? '' : `${days} days`, time].filter(
    part => part !== '',
  )
  return parts.length === 0 ? '00:00:00' : parts.join(' ')
}

const NUMERIC_SIGNS: ReadonlyMap<number, string> = new Map([
  [0x0000, ''],
  [0x4000, '-'],
  [0xc000, 'NaN'],
  [0xd000, 'Infinity'],
  [0xf000, '-Infinity'],
])

/** Digits of base 10000, with the weight of the first. */
function numericText(bytes: Buffer): string | null {
  const [count, weight, scale] = [bytes.readUInt16BE(0), bytes.readInt16BE(2), bytes.readUInt16BE(6)]
  const sign = NUMERIC_SIGNS.get(bytes.readUInt16BE(4))
  if (sign === undefined || bytes.length !== 8 + 2 * count) return null
  if (sign.length > 1) return sign
  const group = (at: number): string =>
    (at < 0 || at >= count ? 0 : bytes.readUInt16BE(8 + 2 * at)).toString().padStart(4, '0')
  let whole = ''
  for (let at = 0; at <= weight; at++) whole += group(at)
  let fraction = ''
  for (let at = weight + 1; fraction.length < scale; at++) fraction += group(at)
  return `${sign}${whole.replace(/^0+(?=\d)/, '') || '0'}${scale === 0 ? '' : `.${fraction.slice(0, scale)}`}`
}

/** Family (2: IPv4, 3: IPv6), bits, whether a cidr, length, address. */
function inetText(bytes: Buffer): string | null {
  const [family, bits, isCidr, length] = bytes
  const address = bytes.subarray(4)
  if (length === undefined || address.length !== length || address.length !== (family === 2 ? 4 : 16)) return null
  const whole = family === 2 ? 32 : 128
  const text = family === 2 ? [...address].join('.') : (address.toString('hex').match(/.{4}/g) ?? []).join(':')
  return bits === whole && isCidr === 0 ? text : `${text}/${bits}`
}

/** Dimensions, a flag for NULLs, the element's type; a length and a lower bound each; then the elements. */
function arrayText(bytes: Buffer): string | null {
  const [dimensions, typeOid] = [bytes.readInt32BE(0), bytes.readUInt32BE(8)]
  if (dimensions === 0) return '{}'
  if (dimensions !== 1) return null
  const elements: string[] = []
  let at = 20
  for (let left = bytes.readInt32BE(12); left > 0; left--) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === -1) {
      elements.push('NULL')
      continue
    }
    if (length < 0 || at + length > bytes.length) return null
    elements.push(elementText(cellText(bytes.subarray(at, at + length), { typeOid, format: 'binary' })))
    at += length
  }
  return `{${elements.join(',')}}`
}

const elementText = (text: string): string =>
  text === '' || /[\s{}",\\]|^null$/i.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text
