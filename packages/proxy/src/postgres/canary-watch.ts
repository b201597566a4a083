import type { CanaryScanner, CanaryStream } from '@querywarden/masking'
import { BACKEND, HEADER_BYTES } from '@querywarden/wire/postgres'
import type { Link } from '../link.ts'

/** What of a write may go out: all of it, maybe held back at its end, or nothing since a canary is in it. */
export type Watched =
  | { readonly kind: 'clean'; readonly pieces: readonly Uint8Array[] }
  /** `isMidMessage`: the client has a part of a message already, and would take anything for the rest of it. */
  | { readonly kind: 'canary'; readonly name: string; readonly isMidMessage: boolean }

/**
 * Lets nothing out to a client that holds a canary. `onCanary` is called once, and may still end the connection by a word of
 * its own; but for that nothing more is sent.
 */
export function watchForCanaries(
  client: Link,
  scanner: CanaryScanner,
  onCanary: (found: Extract<Watched, { kind: 'canary' }>) => void,
): void {
  const watch = new CanaryWatch(scanner)
  let isOver = false
  client.watch(pieces => {
    if (isOver) return pieces.every(piece => scanner.find(piece, 0, piece.length) === null) ? pieces : []
    const seen = watch.look(pieces)
    if (seen.kind === 'clean') return seen.pieces
    isOver = true
    onCanary(seen)
    return null
  })
}

const NOTHING = new Uint8Array(0)

/**
 * Looks through every byte for one client, whoever wrote it, right before it is sent. It follows the messages to know where
 * a value may go on: within one that is sent in parts, of which it holds back what a canary could begin in, and from one
 * CopyData to the next.
 */
export class CanaryWatch {
  readonly #scanner: CanaryScanner
  readonly #message: CanaryStream
  readonly #copied: CanaryStream
  /** Bytes to come of a message of which a part was sent. */
  #left = 0
  #isCopyData = false
  #held: Uint8Array = NOTHING

  constructor(scanner: CanaryScanner) {
    this.#scanner = scanner
    this.#message = scanner.stream()
    this.#copied = scanner.stream()
  }

  /** Looks through what is about to be written. Pieces begin where messages do, or go on in the one before. */
  look(pieces: readonly Uint8Array[]): Watched {
    const isMidMessage = this.#left > 0
    const passed: Uint8Array[] = []
    for (const piece of pieces) {
      const name = this.#find(piece)
      if (name !== null) return { kind: 'canary', name, isMidMessage }
      const all = this.#held.length > 0 ? Buffer.concat([this.#held, piece]) : piece
      const heldBytes = this.#left > 0 ? Math.min(all.length, this.#scanner.bytesMax - 1) : 0
      // A copy: what came is the caller's again.
      this.#held = heldBytes > 0 ? Buffer.from(all.subarray(all.length - heldBytes)) : NOTHING
      if (all.length > heldBytes) passed.push(all.subarray(0, all.length - heldBytes))
    }
    return { kind: 'clean', pieces: passed }
  }

  #find(piece: Uint8Array): string | null {
    let at = Math.min(this.#left, piece.length)
    const ofPart = at > 0 ? this.#inPart(piece, 0, at) : null
    this.#left -= at
    if (ofPart !== null) return ofPart
    // Whole messages at once: no value reaches over the length of the next one, which begins with a zero byte.
    let from = at
    while (at + HEADER_BYTES <= piece.length) {
      const body = at + HEADER_BYTES
      const end = at + 1 + lengthAt(piece, at + 1)
      this.#isCopyData = piece[at] === BACKEND.copyData
      if (piece[at] === BACKEND.copyOutResponse) this.#copied.reset()
      if (end > piece.length) {
        this.#left = end - piece.length
        this.#message.reset()
        return this.#scanner.find(piece, from, at) ?? this.#inPart(piece, body, piece.length)
      }
      if (this.#isCopyData) {
        const found = this.#scanner.find(piece, from, at) ?? this.#copied.push(piece, body, end)
        if (found !== null) return found
        from = end
      }
      at = end
    }
    return this.#scanner.find(piece, from, piece.length)
  }

  #inPart(piece: Uint8Array, start: number, end: number): string | null {
    return (this.#isCopyData ? this.#copied : this.#message).push(piece, start, end)
  }
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
  (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
