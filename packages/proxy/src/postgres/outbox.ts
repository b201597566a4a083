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

  /** Adds a stretch of a received chunk; it must not be written to before `flush`. */
  keep(source: Uint8Array, start: number, end: number): void {
    if (source === this.#source && start === this.#to) {
      this.#to = end
      return
    }
    this.#endRun()
    this.#source = source
    this.#from = start
    this.#to = end
  }

  /** Adds bytes of our own. */
  put(bytes: Uint8Array): void {
    this.#endRun()
    this.#pieces.push(bytes)
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
    if (this.#source !== null) this.#pieces.push(this.#source.subarray(this.#from, this.#to))
    this.#source = null
  }
}
