import type { MaskCopy } from '@querywarden/policy-core'
import { OutputBuffer } from '../data-row/output-buffer.ts'
import { MaskingError } from '../errors.ts'
import { fieldBytes } from './field-bytes.ts'

/** Replaces the value of one field; null for NULL. The same bytes where nothing changes. */
export type MaskField = (value: Uint8Array) => Uint8Array | null

/** The masks of a COPY's columns by position, null for one that is let pass; or one for all, where columns aren't known. */
export type FieldMasks =
  | { readonly kind: 'each'; readonly masks: readonly (MaskField | null)[] }
  | { readonly kind: 'all'; readonly mask: MaskField }

/** How fields are written in COPY data of lines. Remembers where in a field the last push ended. */
export interface FieldSyntax {
  /** Where the field that goes on at `at` ends: the place of its delimiter or line feed; -1 where that is still to come. */
  readonly endOf: (data: Uint8Array, at: number) => number
  /** Masks a field as it is written. The same bytes where nothing changes. */
  readonly masked: (written: Uint8Array, mask: MaskField) => Uint8Array
}

/** What bounds the memory that a COPY takes. */
export interface CopyLimits {
  readonly fieldBytesMax: number
}

const LINE_FEED = 0x0a
const OUTPUT_BYTES = 65_536

/**
 * Masks COPY data of lines, text or CSV, in whatever pieces it comes. A field is held back until its end has come, unless its
 * column is let pass. Rows end with a line feed, which the server writes on every platform.
 */
export function delimitedCopy(
  syntax: FieldSyntax,
  masks: FieldMasks,
  hasHeader: boolean,
  limits: CopyLimits,
): MaskCopy {
  const output = new OutputBuffer({ bytesInitial: OUTPUT_BYTES, bytesMax: Number.MAX_SAFE_INTEGER })
  const begun = fieldBytes(limits.fieldBytesMax)
  let isHeader = hasHeader
  let isWithin = false
  let column = 0

  const endField = (isLast: boolean): void => {
    if (masks.kind === 'each' && isLast !== column >= masks.masks.length - 1)
      throw malformed(`row of another length than ${masks.masks.length}`)
    column = isLast ? 0 : column + 1
    isWithin = !isLast
    if (isLast) isHeader = false
  }

  return {
    push: data => {
      output.clear()
      // What is let pass waits to be copied until something else comes between.
      let keptFrom = 0
      for (let at = 0; at < data.length; ) {
        const mask = isHeader ? null : masks.kind === 'all' ? masks.mask : (masks.masks[column] ?? null)
        const end = syntax.endOf(data, at)
        isWithin = true
        if (end < 0) {
          if (mask !== null) {
            output.append(data, keptFrom, at)
            begun.add(data, at, data.length)
            keptFrom = data.length
          }
          break
        }
        if (mask !== null) {
          const isWhole = begun.isEmpty()
          const written = isWhole ? data.subarray(at, end) : begun.take(data, at, end)
          const shown = syntax.masked(written, mask)
          if (!isWhole || shown !== written) {
            output.append(data, keptFrom, at)
            output.append(shown, 0, shown.length)
            keptFrom = end
          }
        }
        endField(data[end] === LINE_FEED)
        at = end + 1
      }
      if (keptFrom === 0 && output.length === 0) return data
      output.append(data, keptFrom, data.length)
      return output.bytes.slice(0, output.length)
    },
    finish: () => {
      if (isWithin) throw malformed('end in the middle of a row')
      return new Uint8Array(0)
    },
  }
}

/** COPY data that isn't what was announced. */
export const malformed = (what: string): MaskingError =>
  new MaskingError('MALFORMED_COPY', `malformed COPY data: ${what}, expected rows of the announced format`)
