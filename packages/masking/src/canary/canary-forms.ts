/** Shorter values turn up by chance. In bytes of UTF-8. */
export const CANARY_BYTES_MIN = 6

/**
 * The forms in which a value stands in what a server sends, each as bytes: as it is, in upper and lower case; in hex, as
 * bytea and encode() give it; as JSON, arrays, rows, CSV, COPY text and XML escape it; in base64, wherever it begins in
 * what was encoded. A value that was cut, turned round, compressed or enciphered has none of them.
 *
 * @example
 * canaryForms('"a" & b').length // more than one
 */
export function canaryForms(value: string): readonly Uint8Array[] {
  const bytes = Buffer.from(value)
  const hex = bytes.toString('hex')
  const texts = [
    value,
    value.toLowerCase(),
    value.toUpperCase(),
    hex,
    hex.toUpperCase(),
    JSON.stringify(value).slice(1, -1),
    asciiJson(value),
    escaped(value, ARRAY),
    escaped(value, ROW),
    value.replaceAll('"', '""'),
    escaped(value, COPY),
    escaped(value, XML),
    escaped(value, { ...XML, '"': '&quot;' }),
    ...[0, 1, 2].map(ahead => base64Core(bytes, ahead)),
  ]
  // The small letter of a sign of three bytes may have one: what is shorter than a canary may be turns up by chance.
  return [...new Set(texts)].map(text => Buffer.from(text)).filter(({ length }) => length >= CANARY_BYTES_MIN)
}

/** Manual 8.15.6 (arrays) and 8.16.6 (rows); COPY, text format; RFC 8259, section 7; XML 1.0, 2.4. */
const ARRAY = { '"': '\\"', '\\': '\\\\' }
const ROW = { '"': '""', '\\': '\\\\' }
const COPY = { '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' }
const XML = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#x0d;' }

const escaped = (value: string, signs: Readonly<Record<string, string>>): string =>
  Array.from(value, sign => signs[sign] ?? sign).join('')

/** JSON in ASCII alone, as many clients store it. */
const asciiJson = (value: string): string =>
  JSON.stringify(value)
    .slice(1, -1)
    .replaceAll(/[\u0080-\uffff]/g, unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

const BITS = 6

/** The digits that the value alone decides, with so many bytes ahead of it. */
function base64Core(bytes: Uint8Array, ahead: number): string {
  const whole = Buffer.concat([new Uint8Array(ahead), bytes])
  return whole.toString('base64').slice(Math.ceil((ahead * 8) / BITS), Math.floor((whole.length * 8) / BITS))
}
