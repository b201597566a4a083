import type { OutputBuffer } from './output-buffer.ts'

/** What to do with the cells of one column. */
export type ColumnAction =
  | { readonly kind: 'keep' }
  /** The same bytes for every cell, NULL included; null for NULL. */
  | { readonly kind: 'fixed'; readonly bytes: Uint8Array | null }
  /** Cells that are NULL stay so without asking; the others are kept where `mayChange` says no. */
  | { readonly kind: 'write'; readonly mayChange: MayChange | null; readonly write: WriteCell }

/** Whether the cell `source[start, end)` may be shown differently. Must not throw for any bytes. */
export type MayChange = (source: Uint8Array, start: number, end: number) => boolean

/**
 * Appends what is shown in place of the cell `source[start, end)`, or appends nothing and returns false for NULL. Must
 * not throw for any bytes.
 */
export type WriteCell = (source: Uint8Array, start: number, end: number, target: OutputBuffer) => boolean

export const KEEP: ColumnAction = { kind: 'keep' }
export const TO_NULL_ACTION: ColumnAction = { kind: 'fixed', bytes: null }
