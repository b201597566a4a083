import type { Cell, Mask, ResultColumn } from '@querywarden/policy-core'
import { columnType } from './column-type.ts'
import { compileMask } from './compile-mask.ts'
import type { CompiledMask } from './compiled-mask.ts'
import type { HashKey } from './keyed-hash.ts'
import { orNull } from './or-null.ts'
import { decodeUtf8, encodeUtf8 } from './utf8.ts'

/** What the wire says about a column's values. */
export type WireType = Pick<ResultColumn, 'typeOid' | 'typmod' | 'format'>

/** Replaces one cell. Total: it takes any bytes and never throws. */
export type MaskCell = (cell: Cell) => Cell

/**
 * A mask as a function of cells; compile once a column, call once a row. Bytes give bytes and strings give strings; where
 * a value stands for NULL, text columns get a string. What is no value of its type becomes NULL, never itself.
 * Throws `KEY_TOO_SHORT`, and whatever `hashKey` throws, when it is compiled.
 *
 * @example
 * ```ts
 * const show = maskValue({ kind: 'email' }, { typeOid: 25, typmod: -1, format: 'text' }, () => key)
 * show('quentin@example.com') // 'q***@example.com'
 * ```
 */
export function maskValue(mask: Mask, column: WireType, hashKey: HashKey): MaskCell {
  const compiled = compileMask(mask, columnType(column.typeOid, column.typmod), hashKey)
  return column.format === 'binary' ? binaryCell(compiled) : textCell(compiled)
}

function textCell(mask: CompiledMask): MaskCell {
  switch (mask.kind) {
    case 'null':
      return () => null
    case 'fixed': {
      const { text } = mask
      const bytes = encodeUtf8(text)
      return cell => (cell instanceof Uint8Array ? bytes : text)
    }
    case 'computed':
      return orNull(cell => {
        if (cell === null) return null
        if (typeof cell === 'string') return mask.text(cell)
        const text = decodeUtf8(cell)
        const masked = text === null ? null : mask.text(text)
        return masked === null ? null : encodeUtf8(masked)
      })
  }
}

function binaryCell(mask: CompiledMask): MaskCell {
  switch (mask.kind) {
    case 'null':
      return () => null
    case 'fixed':
      return () => mask.binary
    case 'computed':
      // A string is no binary value: whoever hands one over has mistaken the format.
      return orNull(cell => (cell instanceof Uint8Array ? mask.binary(cell) : null))
  }
}
