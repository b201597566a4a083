/**
 * Whether a DataRow's body holds exactly this many fields and not a byte more. Rows mostly go out as they came in, so
 * this look is all that keeps a hostile server's lengths from the client (CVE-2026-32286), and masks on their columns.
 */
export function isWholeRow(bytes: Uint8Array, start: number, end: number, columns: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start)
  if (view.byteLength < 2 || view.getUint16(0) !== columns) return false
  let at = 2
  for (let i = 0; i < columns; i++) {
    if (at + 4 > view.byteLength) return false
    const length = view.getInt32(at)
    if (length < -1) return false
    at += 4 + Math.max(length, 0)
  }
  return at === view.byteLength
}
