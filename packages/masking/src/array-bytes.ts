/** The binary form (array_send in utils/adt/arrayfuncs.c): dimensions, has-nulls, element type, size and base of each. */
const HEADER_BYTES = 12
const DIMENSION_BYTES = 8

/** Reads the elements of an array of one dimension, or of none. Null for all other bytes. */
export function readArrayBytes(bytes: Uint8Array): readonly (Uint8Array | null)[] | null {
  if (bytes.length < HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dimensions = view.getInt32(0)
  if (dimensions === 0) return bytes.length === HEADER_BYTES ? [] : null
  if (dimensions !== 1 || bytes.length < HEADER_BYTES + DIMENSION_BYTES) return null
  const elements: (Uint8Array | null)[] = []
  let at = HEADER_BYTES + DIMENSION_BYTES
  while (at + 4 <= bytes.length) {
    const length = view.getInt32(at)
    const start = at + 4
    const end = start + Math.max(length, 0)
    if (length < -1 || end > bytes.length) return null
    elements.push(length < 0 ? null : bytes.subarray(start, end))
    at = end
  }
  return at === bytes.length && elements.length === view.getInt32(HEADER_BYTES) ? elements : null
}

/** Writes an array of one dimension, or of none where it is empty. */
export function writeArrayBytes(elementOid: number, elements: readonly (Uint8Array | null)[]): Uint8Array {
  const header = Buffer.alloc(elements.length === 0 ? HEADER_BYTES : HEADER_BYTES + DIMENSION_BYTES)
  header.writeUInt32BE(elementOid, 8)
  if (elements.length > 0) {
    header.writeInt32BE(1, 0)
    header.writeInt32BE(elements.includes(null) ? 1 : 0, 4)
    header.writeInt32BE(elements.length, 12)
    header.writeInt32BE(1, 16)
  }
  const pieces = elements.flatMap(element => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(element === null ? -1 : element.length)
    return element === null ? [length] : [length, element]
  })
  return Buffer.concat([header, ...pieces])
}
