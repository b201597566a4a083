/**
 * Whether a DataRow's body holds exactly this many fields and not a byte more. Rows mostly go out as they came in, so
 * this look is all that keeps a hostile server's lengths from the client (CVE-2026-32286), and masks on their columns.
 */
export function isWholeRow(bytes: Uint8Array, start: number, end: number, columns: number): boolean {
  let at = start + 2
  if (at > end || uint16At(bytes, start) !== columns) return false
  for (let i = 0; i < columns; i++) {
    if (at + 4 > end) return false
    const length = int32At(bytes, at)
    if (length < -1) return false
    at += length > 0 ? 4 + length : 4
  }
  return at === end
}

// Two array accesses cost less than a DataView, and one would have to be made for each row.
const uint16At = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

const int32At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)
