import { chainNext, chainStart } from './chain.ts'
import { decodeFrame, FRAME_LEN_MAX, FRAME_LEN_MIN, type Frame, HEADER_BYTES_MAX, MAGIC_BYTES } from './layout.ts'

/** Bytes in pieces of any size, as a file stream gives them. */
export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** What a file is made of, in order. */
export type Piece =
  | { readonly kind: 'header'; readonly bytes: Uint8Array; readonly cbor: Uint8Array; readonly chain: Uint8Array }
  | {
      readonly kind: 'frame'
      readonly frame: Frame
      /** The chain's value before and after this frame. */
      readonly before: Uint8Array
      readonly after: Uint8Array
      /** Where the file would end if this frame were its last. */
      readonly endOffset: number
    }
  /** Always the last piece. `rest` bytes from `offset` on aren't whole frames; `why` says what is wrong with the first. */
  | { readonly kind: 'end'; readonly offset: number; readonly rest: number; readonly why: string | null }

/**
 * Splits a recording or an instance log into header and frames, checking shape and numbering only. Never throws on
 * what the bytes are; holds one frame in memory. After a final frame nothing is a frame any more.
 */
export async function* readPieces(source: Bytes, magic: Uint8Array): AsyncGenerator<Piece, void, undefined> {
  const pull = puller(source)
  const start = await pull.take(MAGIC_BYTES + 4)
  if (start === null || Buffer.compare(start.subarray(0, MAGIC_BYTES), magic) !== 0) {
    return yield { kind: 'end', offset: 0, rest: await pull.drain(), why: 'no header of this format' }
  }
  const headerLength = start.readUInt32BE(MAGIC_BYTES)
  const cbor = headerLength > HEADER_BYTES_MAX ? null : await pull.take(headerLength)
  if (cbor === null) return yield { kind: 'end', offset: 0, rest: await pull.drain(), why: 'an unfinished header' }
  const header = Buffer.concat([start, cbor])
  let chain = chainStart(header)
  yield { kind: 'header', bytes: header, cbor, chain }
  let offset = header.length
  for (let seq = 0; ; seq++) {
    const frame = await nextFrame(pull, seq)
    if (frame === null || typeof frame === 'string') {
      return yield { kind: 'end', offset, rest: (await pull.drain()) - offset, why: frame }
    }
    const after = chainNext(chain, frame.bytes)
    offset += frame.bytes.length
    yield { kind: 'frame', frame, before: chain, after, endOffset: offset }
    chain = after
    if (!frame.final) continue
    const rest = (await pull.drain()) - offset
    return yield { kind: 'end', offset, rest, why: rest === 0 ? null : 'bytes after the final frame' }
  }
}

/** The next frame, null at a clean end, or why there is none. */
async function nextFrame(pull: Puller, seq: number): Promise<Frame | string | null> {
  const length = await pull.peek(4)
  if (length.length === 0) return null
  if (length.length < 4) return 'an unfinished frame'
  const declared = length.readUInt32BE(0)
  if (declared < FRAME_LEN_MIN || declared > FRAME_LEN_MAX) return `a frame of impossible length`
  const bytes = await pull.take(4 + declared)
  return bytes === null ? 'an unfinished frame' : decodeFrame(bytes, seq)
}

interface Puller {
  /** So many bytes, or null when fewer are left (which are then used up). */
  readonly take: (count: number) => Promise<Buffer | null>
  /** Up to so many bytes, left in place. */
  readonly peek: (count: number) => Promise<Buffer>
  /** Reads to the end; gives the length of the whole source. */
  readonly drain: () => Promise<number>
}

function puller(source: Bytes): Puller {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  let chunks: Uint8Array[] = []
  let buffered = 0
  let total = 0
  const more = async (): Promise<boolean> => {
    const next = await iterator.next()
    if (next.done === true) return false
    chunks.push(next.value)
    buffered += next.value.length
    total += next.value.length
    return true
  }
  const fill = async (count: number): Promise<Buffer> => {
    while (buffered < count && (await more()));
    const joined =
      chunks.length === 1 && chunks[0] !== undefined
        ? Buffer.from(chunks[0].buffer, chunks[0].byteOffset, chunks[0].length)
        : Buffer.concat(chunks)
    chunks = [joined]
    return joined
  }
  return {
    take: async count => {
      const joined = await fill(count)
      if (joined.length < count) return null
      chunks = [joined.subarray(count)]
      buffered -= count
      return joined.subarray(0, count)
    },
    peek: async count => (await fill(count)).subarray(0, count),
    drain: async () => {
      chunks = []
      buffered = 0
      while (await more()) {
        chunks = []
        buffered = 0
      }
      return total
    },
  }
}
