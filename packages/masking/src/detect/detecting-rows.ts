import type { Masker, MaskRow } from '@querywarden/policy-core'
import type { HashKey } from '../keyed-hash.ts'
import type { MaskCell } from '../mask-value.ts'
import { detectCell } from './detect-cell.ts'

/**
 * The result side as policy-core's hook: finds what the plan's detectors look for in every column that can hold text, and
 * replaces just that. Null where no cell can change.
 *
 * @example
 * ```ts
 * const maskRow = detectingRows(() => key)({ detect: [{ detector: 'us-ssn', mask: { kind: 'redact' } }] }, columns)
 * for (const row of rows) maskRow?.(row)
 * ```
 */
export const detectingRows =
  (hashKey: HashKey): Masker =>
  ({ detect }, columns) => {
    const masks: { readonly index: number; readonly mask: MaskCell }[] = []
    columns.forEach((column, index) => {
      const detection = detectCell(detect, column, hashKey)
      if (detection !== null) masks.push({ index, mask: detection.mask })
    })
    if (masks.length === 0) return null
    const maskRow: MaskRow = cells => {
      for (const { index, mask } of masks) cells[index] = mask(cells[index] ?? null)
    }
    return maskRow
  }
