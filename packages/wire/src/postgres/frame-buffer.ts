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
   * The tag of the frame that `next` would give, or undefined until more bytes are pushed. Takes nothing and makes nothing.
   *
   * @throws FrameError as `next` does
   * @example
   * while (buffer.peek() === FRONTEND.copyData) pass(buffer.next())
   */
  peek(): number | undefined {
    return this.#frameBytes() === 0 ? undefined : this.#queue.firstByte()
  }

  /**
   * The next whole frame, or undefined until more bytes are pushed.
   *
   * @throws FrameError `UNKNOWN_TAG`, `TOO_SMALL` or `TOO_LARGE`, again on each call: the stream is beyond repair
   */
  next(): Frame | undefined {
    const total = this.#frameBytes()
    if (total === 0) return undefined
    const tag = this.#queue.firstByte()
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

  /** Bytes of the first frame, or 0 while it isn't whole. */
  #frameBytes(): number {
    const held = this.#queue.length
    if (held === 0) return 0
    const tag = this.#queue.firstByte()
    checkTag(this.#limits, tag)
    if (held < HEADER_BYTES) return 0
    const total = checkedFrameBytes(this.#limits, tag, this.#queue.uint32At(1))
    return held < total ? 0 : total
  }
}
