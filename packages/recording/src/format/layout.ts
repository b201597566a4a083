/** The first eight bytes of a recording. */
export const RECORDING_MAGIC: Uint8Array = Buffer.from('DBREC1\0\0', 'latin1')
/** The first eight bytes of a tail: what is not in a frame yet. */
export const TAIL_MAGIC: Uint8Array = Buffer.from('DBTAIL1\0', 'latin1')
/** The first eight bytes of an instance log: the same frames, other types. */
export const LOG_MAGIC: Uint8Array = Buffer.from('DBLOG1\0\0', 'latin1')
/** The first eight bytes of a search index: derived, and thrown away at will. */
export const INDEX_MAGIC: Uint8Array = Buffer.from('DBIDX1\0\0', 'latin1')

export const MAGIC_BYTES = 8
export const HEADER_BYTES_MAX = 65_536
/** u32 len | u8 type | u8 flags | u64 seq | u64 mono_ns | i64 wall_us */
export const FRAME_HEADER_BYTES = 30
export const TAG_BYTES = 16
/** What `len` counts at least: everything after itself, with an empty body. */
export const FRAME_LEN_MIN: number = FRAME_HEADER_BYTES - 4 + TAG_BYTES
/** A frame is read into memory whole, so it has a limit. Statements and parameters are far smaller (16 MiB a message). */
export const FRAME_LEN_MAX = 67_108_864

/** What a frame is. Numbers are forever; the gaps are reserved by docs/recording-format.md. */
export const FRAME_TYPES = {
  open: 1,
  intent: 4,
  refused: 5,
  approvalRequested: 6,
  approvalAnswered: 7,
  rows: 9,
  notice: 10,
  outcome: 11,
  cancel: 12,
  recovery: 14,
  close: 16,
  incident: 17,
  block: 18,
  boot: 32,
  opened: 33,
  head: 34,
  closed: 35,
  recovered: 36,
  suspect: 37,
  stop: 38,
  tailMade: 39,
  tailGone: 40,
  signer: 41,
  setting: 42,
  access: 43,
  shredded: 44,
  stored: 45,
  retired: 46,
} as const

/** Nothing may follow this frame. */
export const FLAG_FINAL = 1
/** The body is CBOR in clear and the tag an HMAC, so that a reader without keys can read it. */
export const FLAG_CLEAR = 2
const FLAGS_KNOWN = FLAG_FINAL | FLAG_CLEAR

/** When something was written down. Wall time can jump; the monotonic one can't. */
export interface Stamp {
  readonly monoNs: bigint
  readonly wallUs: bigint
}

/** A frame as stored: nothing decrypted, nothing believed but its shape. */
export interface Frame extends Stamp {
  /** The whole frame, `len` included: what the chain digests. */
  readonly bytes: Uint8Array
  readonly type: number
  readonly final: boolean
  readonly clear: boolean
  readonly seq: number
  readonly body: Uint8Array
  readonly tag: Uint8Array
}

/** Everything of a frame before its body; also the start of the AEAD's additional data. */
export function encodeFrameHeader(
  frame: { type: number; flags: number; seq: number; bodyBytes: number } & Stamp,
): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  header.writeUInt32BE(FRAME_LEN_MIN + frame.bodyBytes, 0)
  header.writeUInt8(frame.type, 4)
  header.writeUInt8(frame.flags, 5)
  header.writeBigUInt64BE(BigInt(frame.seq), 6)
  header.writeBigUInt64BE(frame.monoNs, 14)
  header.writeBigInt64BE(frame.wallUs, 22)
  return header
}

/** Reads a whole frame, or says why the bytes can't be one at this place. */
export function decodeFrame(bytes: Buffer, expectedSeq: number): Frame | string {
  const flags = bytes.readUInt8(5)
  if (bytes.readUInt8(4) === 0) return 'a frame of type 0'
  if ((flags & ~FLAGS_KNOWN) !== 0) return 'a frame with unknown flags'
  const isNext =
    bytes.readUInt32BE(6) === Math.floor(expectedSeq / 2 ** 32) && bytes.readUInt32BE(10) === expectedSeq % 2 ** 32
  return isNext ? new ReadFrame(bytes, expectedSeq) : `a frame that isn't number ${expectedSeq}`
}

/** A verifier without keys looks at few fields of few frames, so that each is read when it is asked for. */
class ReadFrame implements Frame {
  readonly bytes: Buffer
  readonly seq: number

  constructor(bytes: Buffer, seq: number) {
    this.bytes = bytes
    this.seq = seq
  }

  get type(): number {
    return this.bytes.readUInt8(4)
  }
  get final(): boolean {
    return (this.bytes.readUInt8(5) & FLAG_FINAL) !== 0
  }
  get clear(): boolean {
    return (this.bytes.readUInt8(5) & FLAG_CLEAR) !== 0
  }
  get monoNs(): bigint {
    return this.bytes.readBigUInt64BE(14)
  }
  get wallUs(): bigint {
    return this.bytes.readBigInt64BE(22)
  }
  get body(): Uint8Array {
    return this.bytes.subarray(FRAME_HEADER_BYTES, this.bytes.length - TAG_BYTES)
  }
  get tag(): Uint8Array {
    return this.bytes.subarray(this.bytes.length - TAG_BYTES)
  }
}
