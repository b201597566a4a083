/** Binary arrays (array_send in utils/adt/arrayfuncs.c): dimensions, has-nulls, element type, then size and base of each. */
const HEADER_BYTES = 12
const DIMENSION_BYTES = 8
/** MAXDIM. */
const DIMENSIONS_MAX = 6

/** Masks the elements of a binary array; null where one becomes null by it, or where the bytes are no array. */
export function maskArrayBytes(bytes: Uint8Array, mask: (element: Uint8Array) => Uint8Array | null): Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < HEADER_BYTES) return null
  const dimensions = view.getInt32(0)
  const bodyStart = HEADER_BYTES + dimensions * DIMENSION_BYTES
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX || bodyStart > bytes.length) return null

  const pieces: Uint8Array[] = [bytes.subarray(0, bodyStart)]
  let isChanged = false
  let at = bodyStart
  while (at < bytes.length) {
    if (at + 4 > bytes.length) return null
    const length = view.getInt32(at)
    const start = at + 4
    const end = start + Math.max(length, 0)
    if (length < -1 || end > bytes.length) return null
    const element = bytes.subarray(start, end)
    const masked = length < 0 ? element : mask(element)
    if (masked === null) return null
    isChanged ||= masked !== element
    pieces.push(lengthBytes(length < 0 ? -1 : masked.length), masked)
    at = end
  }
  return isChanged ? Buffer.concat(pieces) : bytes
}

function lengthBytes(length: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return bytes
}
