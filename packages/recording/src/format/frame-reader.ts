import { chainStartLatin1, leafLatin1, linkLatin1 } from '../verifier/read-chain.ts'
import { decodeFrame, FRAME_LEN_MAX, FRAME_LEN_MIN, type Frame, HEADER_BYTES_MAX, MAGIC_BYTES } from './layout.ts'
import { type Bytes, Unread } from './unread-bytes.ts'

export type { Bytes } from './unread-bytes.ts'

/** What a file is made of, in order. */
export type Piece =
  | { readonly kind: 'header'; readonly bytes: Uint8Array; readonly cbor: Uint8Array; readonly chain: Uint8Array }
  | FramePiece
  /** Always the last piece. `rest` bytes from `offset` on aren't whole frames; `why` says what is wrong with the first. */
  | { readonly kind: 'end'; readonly offset: number; readonly rest: number; readonly why: string | null }

/** A whole frame where it stands. */
export interface FramePiece {
  readonly kind: 'frame'
  readonly frame: Frame
  /** The chain's value before and after this frame. */
  readonly before: Uint8Array
  readonly after: Uint8Array
  /** RFC 6962 leaf hash of the frame. */
  readonly leaf: Uint8Array
  /** Where the file would end if this frame were its last. */
  readonly endOffset: number
}

/**
 * Splits a recording or an instance log into header and frames, checking shape and numbering only. Never throws on
 * what the bytes are; holds one frame in memory. After a final frame nothing is a frame any more.
 */
export async function* readPieces(source: Bytes, magic: Uint8Array): AsyncGenerator<Piece, void, undefined> {
  const splitter = new Splitter(magic)
  for await (const chunk of source) {
    splitter.push(chunk)
    for (let piece = splitter.next(); piece !== null; piece = splitter.next()) yield piece
  }
  for (const piece of splitter.end()) yield piece
}

/** {@link readPieces} for who is given the bytes: what is whole is there at once, without a turn of the event loop. */
export class Splitter {
  readonly #magic: Uint8Array
  readonly #unread: Unread = new Unread()
  /** Where the next frame begins. */
  #offset = 0
  #seq = 0
  #chain: string | null = null
  /** Nothing from here on is a frame, and why; null where the file may end here. */
  #stop: { readonly why: string | null } | null = null
  #isEnded = false

  constructor(magic: Uint8Array) {
    this.#magic = magic
  }

  push(chunk: Uint8Array): void {
    if (this.#stop === null) this.#unread.push(chunk)
    else this.#unread.skip(chunk.length)
  }

  /** The next piece, or null when it takes more bytes to tell. */
  next(): Exclude<Piece, { kind: 'end' }> | null {
    if (this.#stop !== null) return null
    return this.#chain === null ? this.#nextHeader() : this.#nextFrame(this.#chain)
  }

  /** There are no more bytes: what is left, and the end. */
  *end(): Generator<Piece, void, undefined> {
    this.#isEnded = true
    for (let piece = this.next(); piece !== null; piece = this.next()) yield piece
    const rest = this.#unread.total - this.#offset
    const why = this.#stop?.why ?? null
    yield { kind: 'end', offset: this.#offset, rest, why: why === AFTER_FINAL && rest === 0 ? null : why }
  }

  #nextHeader(): Exclude<Piece, { kind: 'end' }> | null {
    const start = this.#unread.peek(MAGIC_BYTES + 4)
    if (start === null) return this.#wait('no header of this format')
    if (Buffer.compare(start.subarray(0, MAGIC_BYTES), this.#magic) !== 0) return this.#end('no header of this format')
    const length = start.readUInt32BE(MAGIC_BYTES)
    if (length > HEADER_BYTES_MAX) return this.#end('an unfinished header')
    const bytes = this.#unread.take(MAGIC_BYTES + 4 + length)
    if (bytes === null) return this.#wait('an unfinished header')
    this.#chain = chainStartLatin1(bytes)
    this.#offset = bytes.length
    const chain = Buffer.from(this.#chain, 'latin1')
    return { kind: 'header', bytes, cbor: bytes.subarray(MAGIC_BYTES + 4), chain }
  }

  #nextFrame(before: string): FramePiece | null {
    const length = this.#unread.peekU32()
    if (length === null) return this.#wait(this.#unread.isEmpty ? null : 'an unfinished frame')
    if (length < FRAME_LEN_MIN || length > FRAME_LEN_MAX) return this.#end('a frame of impossible length')
    const bytes = this.#unread.take(4 + length)
    if (bytes === null) return this.#wait('an unfinished frame')
    const frame = decodeFrame(bytes, this.#seq)
    if (typeof frame === 'string') return this.#end(frame)
    const leaf = leafLatin1(bytes)
    const after = linkLatin1(before, leaf)
    this.#chain = after
    this.#seq += 1
    this.#offset += bytes.length
    if (frame.final) this.#stop = { why: AFTER_FINAL }
    return new ChainedFrame(frame, { before, after, leaf }, this.#offset)
  }

  #wait(why: string | null): null {
    return this.#isEnded ? this.#end(why) : null
  }

  #end(why: string | null): null {
    this.#stop = { why }
    return null
  }
}

const AFTER_FINAL = 'bytes after the final frame'

/** Most readers never look at most digests, so each is made when it is asked for. */
class ChainedFrame implements FramePiece {
  readonly kind = 'frame'
  readonly frame: Frame
  readonly endOffset: number
  readonly #digests: { readonly before: string; readonly after: string; readonly leaf: string }

  constructor(
    frame: Frame,
    digests: { readonly before: string; readonly after: string; readonly leaf: string },
    endOffset: number,
  ) {
    this.frame = frame
    this.#digests = digests
    this.endOffset = endOffset
  }

  get before(): Uint8Array {
    return Buffer.from(this.#digests.before, 'latin1')
  }
  get after(): Uint8Array {
    return Buffer.from(this.#digests.after, 'latin1')
  }
  get leaf(): Uint8Array {
    return Buffer.from(this.#digests.leaf, 'latin1')
  }
}
