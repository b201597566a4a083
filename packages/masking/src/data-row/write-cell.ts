import type { Mask } from '@querywarden/policy-core'
import type { TextType } from '../column-type.ts'
import { fitText } from '../fit-text.ts'
import type { MaskCell } from '../mask-value.ts'
import { PARTIAL_HIDDEN_MIN, partialShape } from '../masks/partial.ts'
import { encodeUtf8 } from '../utf8.ts'
import type { WriteCell } from './column-action.ts'
import type { OutputBuffer } from './output-buffer.ts'

/** Writes what a function of cells makes of the bytes. The cell is a view: the function must not keep it. */
export const writeMasked =
  (mask: MaskCell): WriteCell =>
  (source, start, end, target) =>
    appendCell(mask(source.subarray(start, end)), target)

function appendCell(cell: ReturnType<MaskCell>, target: OutputBuffer): boolean {
  if (cell === null) return false
  const bytes = typeof cell === 'string' ? encodeUtf8(cell) : cell
  target.append(bytes, 0, bytes.length)
  return true
}

/**
 * The partial mask over ASCII without making a string of it; other bytes, and types that cut or pad, go the long way
 * of `mask`. Both ways give the same (data-row-masker.prop.test.ts).
 */
export function writePartial(partial: Extract<Mask, { kind: 'partial' }>, type: TextType, mask: MaskCell): WriteCell {
  const slow = writeMasked(mask)
  const { first, last, run } = partialShape(partial)
  if (type.padded || type.bytesMax !== null || run.length > PARTIAL_HIDDEN_MIN) return slow
  const fill = encodeUtf8(run)
  const bytesMax = type.charactersMax ?? Number.POSITIVE_INFINITY
  const short = encodeUtf8(fitText(type, run))

  return (source, start, end, target) => {
    if (end - start > bytesMax) return slow(source, start, end, target)
    for (let at = start; at < end; at++) {
      const byte = source[at] ?? 0
      if (byte === 0 || byte > 0x7f) return slow(source, start, end, target)
    }
    if (end - start < first + last + PARTIAL_HIDDEN_MIN) {
      target.append(short, 0, short.length)
    } else {
      target.append(source, start, start + first)
      target.append(fill, 0, fill.length)
      target.append(source, end - last, end)
    }
    return true
  }
}
