import type { Cell } from '@querywarden/policy-core'

/** A whole DataRow message of these cells (manual, section 54.7). */
export function encodeRow(cells: readonly Cell[]): Buffer {
  const parts = cells.map(cell => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(cell === null ? -1 : Buffer.from(cell).length)
    return Buffer.concat([length, Buffer.from(cell ?? '')])
  })
  const body = Buffer.concat(parts)
  const head = Buffer.alloc(7)
  head.write('D')
  head.writeInt32BE(6 + body.length, 1)
  head.writeUInt16BE(cells.length, 5)
  return Buffer.concat([head, body])
}
