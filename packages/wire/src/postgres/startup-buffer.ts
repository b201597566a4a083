import { ByteQueue } from '../bytes/byte-queue.ts'
import { FrameError } from '../bytes/frame-error.ts'
import { checkStartupBytes } from './startup.ts'

const LENGTH_BYTES = 4

/**
 * Bytes received before a session has frames, handed out as the untagged packets of start-up. It takes exactly a
 * packet's bytes; what came after them stays visible, so that bytes stuffed in ahead of TLS can be refused.
 *
 * @example
 * buffer.push(chunk)
 * const packet = buffer.next()
 * if (packet === undefined) return
 * const startup = decodeStartup(packet)
 * if (startup.kind === 'ssl-request') { buffer.assertEmpty(); return startTls() }
 */
export class StartupBuffer {
  readonly #queue = new ByteQueue()

  /** Bytes received and not handed out yet. */
  get buffered(): number {
    return this.#queue.length
  }

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk)
  }

  /**
   * The next whole packet for `decodeStartup`, or undefined until more bytes are pushed.
   *
   * @throws FrameError `TOO_SMALL` or `TOO_LARGE`, on the length alone
   */
  next(): Uint8Array | undefined {
    if (this.#queue.length < LENGTH_BYTES) return undefined
    const length = this.#queue.uint32At(0)
    checkStartupBytes(length)
    return this.#queue.length < length ? undefined : this.#queue.take(length)
  }

  /** Takes all bytes after the packets handed out, to push them to a `FrameBuffer` once start-up is over. */
  leftover(): Uint8Array {
    return this.#queue.take(this.#queue.length)
  }

  /**
   * Asserts that nothing came after the packets handed out. Call it before TLS starts (CVE-2021-23214 and its kin).
   *
   * @throws FrameError `MALFORMED`
   */
  assertEmpty(): void {
    if (this.buffered === 0) return
    throw new FrameError('MALFORMED', `${this.buffered} bytes came where none may`, { bytes: this.buffered })
  }
}
