import type { Automaton } from '../kernel/automaton.ts'
import type { OutputBuffer } from './output-buffer.ts'

/** What to do with the cells of one column. */
export type ColumnAction =
  | { readonly kind: 'keep' }
  /** The same bytes for every cell, NULL included; null for NULL. */
  | { readonly kind: 'fixed'; readonly bytes: Uint8Array | null }
  /** Cells that are NULL stay so without asking; the others are kept where `mayChange` says no. */
  | {
      readonly kind: 'write'
      readonly mayChange: MayChange | null
      readonly write: WriteCell
      /** What a kernel can do of it by itself; null for nothing, which is right for every `write`. */
      readonly swift: Swift | null
    }

/** Whether the cell `source[start, end)` may be shown differently. Must not throw for any bytes. */
export type MayChange = (source: Uint8Array, start: number, end: number) => boolean

/**
 * Appends what is shown in place of the cell `source[start, end)`, or appends nothing and says that it is NULL or that the
 * cell is kept. Must not throw for any bytes.
 */
export type WriteCell = (source: Uint8Array, start: number, end: number, target: OutputBuffer) => Written

export type Written = 'written' | 'null' | 'kept'

/** The part of a `write` that a kernel does itself; what is beyond it, it hands back. Must agree with the `write`. */
export type Swift =
  /** Looks which cells may change: as `mayChange`. */
  | { readonly kind: 'scan'; readonly automaton: Automaton }
  /** Shows the ends of a cell around `fill`: of ASCII without NUL, of up to `bytesMax` bytes; `short` below `bytesMin`. */
  | {
      readonly kind: 'ends'
      readonly first: number
      readonly last: number
      readonly fill: Uint8Array
      readonly short: Uint8Array
      readonly bytesMin: number
      readonly bytesMax: number
    }

export const KEEP: ColumnAction = { kind: 'keep' }
export const TO_NULL_ACTION: ColumnAction = { kind: 'fixed', bytes: null }
