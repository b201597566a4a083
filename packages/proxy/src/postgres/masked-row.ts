import type { MaskRow } from '@querywarden/policy-core'
import { decodeDataRow, encodeDataRow } from '@querywarden/wire/postgres'

/** A whole DataRow with its masks on, made of the body of one that came. */
export function maskedRow(mask: MaskRow, body: Uint8Array): Uint8Array {
  const cells = [...decodeDataRow(body).values]
  mask(cells)
  return encodeDataRow({ values: cells.map(cell => (typeof cell === 'string' ? Buffer.from(cell) : cell)) })
}
