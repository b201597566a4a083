import type { Chunk } from '../writer/block.ts'
import { decodeCborMap } from './canonical-cbor.ts'
import { encodeFileHeader } from './file-header.ts'
import { isSameMac } from './keys.ts'
import { HEADER_BYTES_MAX, MAGIC_BYTES, TAG_BYTES, TAIL_MAGIC } from './layout.ts'
import { hmac, hmacInPlace, MAC_ROOM_BYTES, type MacKey } from './mac.ts'

/** A tail's header: which boot's, which of its tails, and the key that its batches are authenticated with. */
export interface TailHeader {
  readonly boot: string
  readonly number: number
  readonly keyId: string
  readonly wrappedKey: Uint8Array
}

export const encodeTailHeader = (header: TailHeader): Buffer =>
  encodeFileHeader(TAIL_MAGIC, {
    v: 1,
    boot_id: header.boot,
    tail: header.number,
    key_id: header.keyId,
    dek_wrapped: header.wrappedKey,
  })

/** Entries of one recording's block, as they stand in a tail. */
export interface TailChunk extends Chunk {
  readonly recording: string
  /** The number of the block's first entry. */
  readonly first: number
}

const LENGTH_BYTES = 4
/** Before a batch: room for the MAC's key, and the MAC of the batch before. */
const BATCH_AT = MAC_ROOM_BYTES + TAG_BYTES
const FIRST_BYTES = 4_096
/** A buffer that one large batch made larger is let go. */
const KEPT_BYTES_MAX = 1_048_576

/**
 * Puts chunks into batches: `u32 len | chunk* | mac`. A batch is what one write takes; its MAC covers the MAC before it,
 * so that no batch can be changed, moved, doubled or left out from between others.
 */
export class BatchWriter {
  readonly #key: MacKey
  #bytes: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #end: number = BATCH_AT + LENGTH_BYTES

  constructor(key: MacKey, header: Uint8Array) {
    this.#key = key
    this.#bytes.set(firstMac(key, header), MAC_ROOM_BYTES)
  }

  get isEmpty(): boolean {
    return this.#end === BATCH_AT + LENGTH_BYTES
  }

  /** `id`: the recording's, with its length before it. `first`: the number of the block's first entry. */
  add(id: Uint8Array, first: number, chunk: Chunk): void {
    this.#room(id.length + 24 + chunk.meta.length + chunk.value.length + TAG_BYTES)
    const bytes = this.#bytes
    bytes.set(id, this.#end)
    let at = this.#end + id.length
    at = bytes.writeUInt32BE(Math.floor(first / 2 ** 32), at)
    at = bytes.writeUInt32BE(first % 2 ** 32, at)
    at = bytes.writeUInt32BE(chunk.at, at)
    at = bytes.writeUInt32BE(chunk.entries, at)
    at = bytes.writeUInt32BE(chunk.meta.length, at)
    at = bytes.writeUInt32BE(chunk.value.length, at)
    bytes.set(chunk.meta, at)
    bytes.set(chunk.value, at + chunk.meta.length)
    this.#end = at + chunk.meta.length + chunk.value.length
  }

  /** The batch, good until the next {@link BatchWriter.add}; the next one follows it. */
  take(): Uint8Array {
    const bytes = this.#bytes
    bytes.writeUInt32BE(this.#end - BATCH_AT - LENGTH_BYTES, BATCH_AT)
    const mac = hmacInPlace(this.#key, bytes.subarray(0, this.#end))
    bytes.write(mac, this.#end, TAG_BYTES, 'latin1')
    const batch = bytes.subarray(BATCH_AT, this.#end + TAG_BYTES)
    if (bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafe(FIRST_BYTES)
    this.#bytes.write(mac, MAC_ROOM_BYTES, TAG_BYTES, 'latin1')
    this.#end = BATCH_AT + LENGTH_BYTES
    return batch
  }

  #room(bytes: number): void {
    const needed = this.#end + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }
}

/** What stands for the batch before the first. */
const firstMac = (key: MacKey, header: Uint8Array): Uint8Array => hmac(key, [header]).subarray(0, TAG_BYTES)

/** The prefix of a recording's chunks. */
export const chunkId = (recording: string): Uint8Array =>
  Buffer.concat([Buffer.of(recording.length), Buffer.from(recording, 'latin1')])

/** The header of a tail, and where it ends; null where there is none. */
export function readTailHeader(file: Buffer): { readonly header: TailHeader; readonly end: number } | null {
  if (file.length < MAGIC_BYTES + 4 || Buffer.compare(file.subarray(0, MAGIC_BYTES), TAIL_MAGIC) !== 0) return null
  const length = file.readUInt32BE(MAGIC_BYTES)
  const end = MAGIC_BYTES + 4 + length
  if (length > HEADER_BYTES_MAX || end > file.length) return null
  const fields = decodeCborMap(file.subarray(MAGIC_BYTES + 4, end), 'the header of a tail')
  const header = {
    boot: fields.string('boot_id'),
    number: fields.number('tail'),
    keyId: fields.string('key_id'),
    wrappedKey: fields.bytes('dek_wrapped'),
  }
  return { header, end }
}

/** The genuine batches of a tail from the start on, and where they end: what follows is torn, or not ours. */
export function readBatches(
  file: Buffer,
  headerEnd: number,
  key: MacKey,
): { readonly chunks: readonly TailChunk[]; readonly end: number } {
  const chunks: TailChunk[] = []
  let mac = firstMac(key, file.subarray(0, headerEnd))
  let at = headerEnd
  while (file.length - at >= LENGTH_BYTES + TAG_BYTES) {
    const chunksEnd = at + LENGTH_BYTES + file.readUInt32BE(at)
    const end = chunksEnd + TAG_BYTES
    if (end > file.length) break
    const expected = hmac(key, [mac, file.subarray(at, chunksEnd)]).subarray(0, TAG_BYTES)
    mac = file.subarray(chunksEnd, end)
    if (!isSameMac(expected, mac)) break
    chunks.push(...chunksOf(file.subarray(at + LENGTH_BYTES, chunksEnd)))
    at = end
  }
  return { chunks, end: at }
}

/** Of a genuine batch: what the writer wrote, so that lengths can be trusted. */
function* chunksOf(batch: Buffer): Generator<TailChunk, void, undefined> {
  for (let at = 0; at < batch.length; ) {
    const idEnd = at + 1 + batch.readUInt8(at)
    const metaAt = idEnd + 24
    const metaEnd = metaAt + batch.readUInt32BE(idEnd + 16)
    const valueEnd = metaEnd + batch.readUInt32BE(idEnd + 20)
    yield {
      recording: batch.toString('latin1', at + 1, idEnd),
      first: Number(batch.readBigUInt64BE(idEnd)),
      at: batch.readUInt32BE(idEnd + 8),
      entries: batch.readUInt32BE(idEnd + 12),
      meta: batch.subarray(metaAt, metaEnd),
      value: batch.subarray(metaEnd, valueEnd),
    }
    at = valueEnd
  }
}
