import type { MaskFrames } from '@querywarden/policy-core'
import type { Link } from '../link.ts'

/**
 * Bytes on their way to a client. Runs of frames that nothing changes stay the bytes that came in: a whole chunk in
 * which nothing is replaced goes out by one write, uncopied.
 */
export class Outbox {
  #pieces: Uint8Array[] = []
  #source: Uint8Array | null = null
  #from = 0
  #to = 0
  /** What the run goes through; null where it goes out as it came in. */
  #mask: MaskFrames | null = null

  /** Adds a stretch of a received chunk; it must not be written to before `flush`. */
  keep(source: Uint8Array, start: number, end: number): void {
    this.#add(null, source, start, end)
  }

  /** Adds whole rows that a mask is put on: a run of them at once, by `flush` at the latest. */
  mask(mask: MaskFrames, source: Uint8Array, start: number, end: number): void {
    this.#add(mask, source, start, end)
  }

  #add(mask: MaskFrames | null, source: Uint8Array, start: number, end: number): void {
    if (source === this.#source && start === this.#to && mask === this.#mask) {
      this.#to = end
      return
    }
    this.#endRun()
    this.#source = source
    this.#mask = mask
    this.#from = start
    this.#to = end
  }

  /** Adds bytes of our own. */
  put(bytes: Uint8Array): void {
    this.#endRun()
    this.#pieces.push(bytes)
  }

  /** Puts the masks on what was added. What they throw over is dropped, and never sent. */
  settle(): void {
    this.#endRun()
  }

  /** Writes all that was added, by one system call. */
  flush(client: Link): void {
    this.#endRun()
    const pieces = this.#pieces
    const [only] = pieces
    if (only === undefined) return
    if (pieces.length === 1) {
      pieces.length = 0
      client.write(only)
      return
    }
    this.#pieces = []
    client.writeAll(pieces)
  }

  #endRun(): void {
    const source = this.#source
    if (source === null) return
    const mask = this.#mask
    this.#source = null
    this.#mask = null
    if (mask === null) {
      this.#pieces.push(source.subarray(this.#from, this.#to))
      return
    }
    const masked = mask(source, this.#from, this.#to)
    this.#pieces.push(masked === source ? source.subarray(this.#from, this.#to) : masked)
  }
}
