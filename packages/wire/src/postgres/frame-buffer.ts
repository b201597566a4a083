import { ByteQueue } from '../bytes/byte-queue.ts'
import { FrameError } from '../bytes/frame-error.ts'
import {
  checkedFrameBytes,
  checkTag,
  compileFrameRules,
  type FrameLimits,
  type FrameRules,
  HEADER_BYTES,
} from './frame-rules.ts'

/** One message as it came. */
export interface Frame {
  /** The first byte, which says what the body is. */
  readonly tag: number
  /** Header and body. */
  readonly bytes: Uint8Array
  /** What the tag's decoder takes. */
  readonly body: Uint8Array
}

/**
 * Received bytes, handed out as frames. Copies each chunk in, so the caller may reuse its buffer, and frames stay valid for
 * good. A frame is refused on its header alone; memory grows by received bytes, never by a declared length.
 *
 * @example
 * const buffer = new FrameBuffer({ frameBytesMax: 16 * 1024 * 1024, tags: FRONTEND_TAGS })
 * buffer.push(chunk)
 * for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) handle(frame)
 */
export class FrameBuffer {
  readonly #queue = new ByteQueue()
  #limits: FrameLimits

  constructor(rules: FrameRules) {
    this.#limits = compileFrameRules(rules)
  }

  /** Bytes received and not handed out yet. Stop reading from the peer while it is too much. */
  get buffered(): number {
    return this.#queue.length
  }

  /** New rules for all frames not handed out yet, as when a login ends and statements may come. */
  expect(rules: FrameRules): void {
    this.#limits = compileFrameRules(rules)
  }

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk)
  }

  /**
   * The next whole frame, or undefined until more bytes are pushed.
   *
   * @throws FrameError `UNKNOWN_TAG`, `TOO_SMALL` or `TOO_LARGE`, again on each call: the stream is beyond repair
   */
  next(): Frame | undefined {
    if (this.#queue.length === 0) return undefined
    const tag = this.#queue.firstByte()
    checkTag(this.#limits, tag)
    if (this.#queue.length < HEADER_BYTES) return undefined
    const total = checkedFrameBytes(this.#limits, tag, this.#queue.uint32At(1))
    if (this.#queue.length < total) return undefined
    const bytes = this.#queue.take(total)
    return { tag, bytes, body: bytes.subarray(HEADER_BYTES) }
  }

  /**
   * Asserts that nothing is waiting, as before TLS starts: bytes sent ahead of the handshake would otherwise be taken
   * for protected ones.
   *
   * @throws FrameError `MALFORMED`
   */
  assertEmpty(): void {
    if (this.buffered === 0) return
    throw new FrameError('MALFORMED', `${this.buffered} bytes came where none may`, { bytes: this.buffered })
  }
}
