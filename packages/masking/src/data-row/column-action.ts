import type { OutputBuffer } from './output-buffer.ts'

/** What to do with the cells of one column. */
export type ColumnAction =
  | { readonly kind: 'keep' }
  /** The same bytes for every cell, NULL included; null for NULL. */
  | { readonly kind: 'fixed'; readonly bytes: Uint8Array | null }
  | { readonly kind: 'write'; readonly write: WriteCell }

/**
 * Appends what is shown in place of the cell `source[start, end)`, or appends nothing and returns false for NULL. Must
 * not throw for any bytes. Cells that are NULL stay so without asking.
 */
export type WriteCell = (source: Uint8Array, start: number, end: number, target: OutputBuffer) => boolean

export const KEEP: ColumnAction = { kind: 'keep' }
export const TO_NULL_ACTION: ColumnAction = { kind: 'fixed', bytes: null }
