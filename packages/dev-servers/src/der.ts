/**
 * As much of the Distinguished Encoding Rules (ITU-T X.690) as a certificate needs.
 * Each function gives one complete value: tag, length, contents.
 */

const encode = (tag: number, contents: Uint8Array): Buffer => {
  const { length } = contents
  const lengthBytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, (length >> 8) & 0xff, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), contents])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => encode(0x30, Buffer.concat(parts))
export const set = (...parts: readonly Uint8Array[]): Buffer => encode(0x31, Buffer.concat(parts))
export const octets = (contents: Uint8Array): Buffer => encode(0x04, contents)
export const boolean = (value: boolean): Buffer => encode(0x01, Buffer.from([value ? 0xff : 0]))
export const utf8 = (text: string): Buffer => encode(0x0c, Buffer.from(text))

/** UTCTime, as RFC 5280 section 4.1.2.5 demands until the end of 2049. */
export const utcTime = (date: Date): Buffer =>
  encode(
    0x17,
    Buffer.from(
      `${date
        .toISOString()
        .slice(2)
        .replace(/[-:T]|\..*/g, '')}Z`,
    ),
  )

/** A bit string, of which the last `unused` bits don't count. */
export const bits = (contents: Uint8Array, unused = 0): Buffer =>
  encode(0x03, Buffer.concat([Buffer.from([unused]), contents]))

/** A number that isn't negative, from its big-endian bytes. */
export const integer = (bytes: Uint8Array): Buffer =>
  encode(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)

/** A context-specific value: `[number]`, with parts in it or with bare contents. */
export const constructed = (number: number, ...parts: readonly Uint8Array[]): Buffer =>
  encode(0xa0 | number, Buffer.concat(parts))
export const primitive = (number: number, contents: Uint8Array): Buffer => encode(0x80 | number, contents)

/** An object identifier in its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return encode(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}
