import type { MaskFrames } from '@querywarden/policy-core'
import type { Running } from './expected.ts'

/** Rows among what goes out that the recorder is to have too. */
export interface TakenRows {
  readonly running: Running
  /** Whole frames, or a part of one. */
  readonly frames: Uint8Array
  /** How many rows end in them. */
  readonly rows: number
}

/**
 * Bytes on their way to a client. Runs of frames that nothing changes stay the bytes that came in: a whole chunk in
 * which nothing is replaced goes out by one write, uncopied.
 */
export class Outbox {
  #pieces: Uint8Array[] = []
  #taken: TakenRows[] = []
  #source: Uint8Array | null = null
  #from = 0
  #to = 0
  /** What the run goes through; null where it goes out as it came in. */
  #mask: MaskFrames | null = null
  /** Whose rows the run is, where they are recorded. */
  #recorded: Running | null = null
  #rows = 0

  /** Whether rows are in it that the recorder is to have. */
  get hasRows(): boolean {
    return this.#recorded !== null || this.#taken.length > 0
  }

  /** Adds a stretch of a received chunk; it must not be written to before it is sent. */
  keep(source: Uint8Array, start: number, end: number): void {
    this.#add(null, source, start, end, null, 0)
  }

  /**
   * Adds whole rows: a run of them at once, by `take` at the latest.
   * @param mask - What is put on them, or null
   * @param recorded - The statement that they come of, where they are recorded, and how many there are
   */
  rows(
    mask: MaskFrames | null,
    source: Uint8Array,
    start: number,
    end: number,
    recorded: Running | null,
    rows: number,
  ): void {
    this.#add(mask, source, start, end, recorded, rows)
  }

  #add(
    mask: MaskFrames | null,
    source: Uint8Array,
    start: number,
    end: number,
    recorded: Running | null,
    rows: number,
  ): void {
    if (source === this.#source && start === this.#to && mask === this.#mask && recorded === this.#recorded) {
      this.#to = end
      this.#rows += rows
      return
    }
    this.settle()
    this.#source = source
    this.#mask = mask
    this.#recorded = recorded
    this.#rows = rows
    this.#from = start
    this.#to = end
  }

  /** Adds bytes of our own; of a statement whose rows are recorded, so many of them. */
  put(bytes: Uint8Array, recorded: Running | null = null, rows = 0): void {
    this.settle()
    this.#push(bytes, recorded, rows)
  }

  /** Ends the run, and puts the masks on it. What they throw over is dropped, and never sent. */
  settle(): void {
    const source = this.#source
    if (source === null) return
    const mask = this.#mask
    const recorded = this.#recorded
    this.#source = null
    this.#mask = null
    this.#recorded = null
    const masked = mask === null ? source : mask(source, this.#from, this.#to)
    this.#push(masked === source ? source.subarray(this.#from, this.#to) : masked, recorded, this.#rows)
  }

  #push(piece: Uint8Array, recorded: Running | null, rows: number): void {
    this.#pieces.push(piece)
    if (recorded !== null) this.#taken.push({ running: recorded, frames: piece, rows })
  }

  /** All that was added since the last time. */
  take(): readonly Uint8Array[] {
    this.settle()
    if (this.#pieces.length === 0) return NOTHING
    const pieces = this.#pieces
    this.#pieces = []
    return pieces
  }

  /** What of that the recorder is to have. */
  takeRows(): readonly TakenRows[] {
    if (this.#taken.length === 0) return NO_ROWS
    const taken = this.#taken
    this.#taken = []
    return taken
  }
}

const NOTHING: readonly Uint8Array[] = []
const NO_ROWS: readonly TakenRows[] = []
