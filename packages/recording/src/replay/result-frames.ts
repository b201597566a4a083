/** What recorded frames of a result hold. */
export type ResultPart =
  /** One row, its cells as sent; null is NULL. */
  | { readonly kind: 'row'; readonly cells: readonly (Uint8Array | null)[] }
  /** A piece of COPY data. */
  | { readonly kind: 'copy'; readonly data: Uint8Array }

const DATA_ROW = 0x44
const COPY_DATA = 0x64
/** Int32 length, then Int16 number of cells (PostgreSQL manual 55.7, DataRow). */
const LENGTH_BYTES = 4
const COUNT_BYTES = 2

/**
 * Reads the frames of a `rows` event. What isn't DataRow or CopyData, or isn't whole, ends it: the bytes are what a recorder
 * was given, so they are read with the same care as a stranger's.
 */
export function resultParts(frames: Uint8Array): { readonly parts: readonly ResultPart[]; readonly rest: number } {
  const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength)
  const parts: ResultPart[] = []
  let at = 0
  while (at + 1 + LENGTH_BYTES <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end < at + 1 + LENGTH_BYTES || end > bytes.length) break
    const body = bytes.subarray(at + 1 + LENGTH_BYTES, end)
    const part = partOf(bytes[at] ?? 0, body)
    if (part === null) break
    parts.push(part)
    at = end
  }
  return { parts, rest: bytes.length - at }
}

function partOf(tag: number, body: Buffer): ResultPart | null {
  if (tag === COPY_DATA) return { kind: 'copy', data: body }
  const cells = tag === DATA_ROW ? cellsOf(body) : null
  return cells === null ? null : { kind: 'row', cells }
}

function cellsOf(body: Buffer): readonly (Uint8Array | null)[] | null {
  if (body.length < COUNT_BYTES) return null
  const cells: (Uint8Array | null)[] = []
  let at = COUNT_BYTES
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    if (at + LENGTH_BYTES > body.length) return null
    const length = body.readInt32BE(at)
    at += LENGTH_BYTES
    if (length === -1) {
      cells.push(null)
      continue
    }
    if (length < 0 || at + length > body.length) return null
    cells.push(body.subarray(at, at + length))
    at += length
  }
  return at === body.length ? cells : null
}
