import { type FrameScanner, HEADER_BYTES } from '@querywarden/wire/postgres'
import type { Running } from './expected.ts'
import type { Outbox } from './outbox.ts'
import { RowShape } from './row-shape.ts'

/** A row, or COPY data, that is too large to be kept: it goes to the client part by part (threats F27). */
export class PassingFrame {
  /** Whether the client gets it. */
  readonly isShown: boolean
  readonly #shape: RowShape | null

  /** @param columns - How many fields it must have; null for COPY data, which has none. */
  constructor(columns: number | null, isShown: boolean) {
    this.#shape = columns === null ? null : new RowShape(columns)
    this.isShown = isShown
  }

  /** Passes the part at hand on; false when the frame can't be what it says. */
  pass({ part, bytes, start, end }: FrameScanner, outbox: Outbox, recorded: Running | null): boolean {
    const from = part === 'first' ? start + HEADER_BYTES : start
    if (this.#shape?.follow(bytes, from, end) === false) return false
    if (part === 'last' && this.#shape?.isWhole === false) return false
    if (!this.isShown) return true
    // A part is recorded by itself, and not with the rows around it.
    if (recorded !== null) outbox.settle()
    outbox.rows(null, bytes, start, end, recorded, part === 'last' ? 1 : 0)
    if (recorded !== null) outbox.settle()
    return true
  }
}
