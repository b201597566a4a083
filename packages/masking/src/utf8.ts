import { isUtf8 } from 'node:buffer'

/** The bytes as a Buffer on the same memory. */
export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Decodes strictly: null where the bytes are not UTF-8. Keeps a byte order mark, which is a character of the value. */
export const decodeUtf8 = (bytes: Uint8Array): string | null =>
  isUtf8(bytes) ? asBuffer(bytes).toString('utf8') : null

/** Encodes as UTF-8. */
export const encodeUtf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8')

/**
 * Whether a server with UTF-8 could hold this text: no NUL, no half of a surrogate pair. The first is refused by
 * PostgreSQL, the second has no encoding.
 */
export function isStorableText(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0) return false
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(at + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
    at++
  }
  return true
}
