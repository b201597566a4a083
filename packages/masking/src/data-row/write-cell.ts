import type { Mask } from '@querywarden/policy-core'
import type { TextType } from '../column-type.ts'
import { fitText } from '../fit-text.ts'
import type { MaskCell } from '../mask-value.ts'
import { PARTIAL_HIDDEN_MIN, partialShape } from '../masks/partial.ts'
import { encodeUtf8 } from '../utf8.ts'
import type { ColumnAction, Swift, WriteCell } from './column-action.ts'

/** Writes what a function of cells makes of the bytes. The cell is a view: the function must not keep it. */
export const writeMasked =
  (mask: MaskCell): WriteCell =>
  (source, start, end, target) => {
    const cell = source.subarray(start, end)
    const shown = mask(cell)
    if (shown === null) return 'null'
    if (shown === cell) return 'kept'
    const bytes = typeof shown === 'string' ? encodeUtf8(shown) : shown
    target.append(bytes, 0, bytes.length)
    return 'written'
  }

/**
 * The partial mask over ASCII without making a string of it, here and in the kernel; other bytes, and types that cut or
 * pad, go the long way of `mask`. All ways give the same (data-row-masker.prop.test.ts, row-kernel.prop.test.ts).
 */
export function partialAction(
  partial: Extract<Mask, { kind: 'partial' }>,
  type: TextType,
  mask: MaskCell,
): ColumnAction {
  const slow = writeMasked(mask)
  const { first, last, run } = partialShape(partial)
  if (type.padded || type.bytesMax !== null || run.length > PARTIAL_HIDDEN_MIN) {
    return { kind: 'write', mayChange: null, write: slow, swift: null }
  }
  const swift = {
    kind: 'ends',
    first,
    last,
    fill: encodeUtf8(run),
    short: encodeUtf8(fitText(type, run)),
    bytesMin: first + last + PARTIAL_HIDDEN_MIN,
    bytesMax: type.charactersMax ?? BYTES_MAX,
  } as const
  return { kind: 'write', mayChange: null, write: writeEnds(swift, slow), swift }
}

/** A cell can't be longer: its length is a signed word. */
const BYTES_MAX = 0x7fffffff

const writeEnds =
  ({ fill, short, first, last, bytesMin, bytesMax }: Extract<Swift, { kind: 'ends' }>, slow: WriteCell): WriteCell =>
  (source, start, end, target) => {
    if (end - start > bytesMax) return slow(source, start, end, target)
    for (let at = start; at < end; at++) {
      const byte = source[at] ?? 0
      if (byte === 0 || byte > 0x7f) return slow(source, start, end, target)
    }
    if (end - start < bytesMin) {
      target.append(short, 0, short.length)
    } else {
      target.append(source, start, start + first)
      target.append(fill, 0, fill.length)
      target.append(source, end - last, end)
    }
    return 'written'
  }
