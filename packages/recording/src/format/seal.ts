import type { CipherGCM } from 'node:crypto'
import { RecordingError } from '../errors.ts'
import { type CborMap, decodeCborMap, encodeCbor, type Fields } from './canonical-cbor.ts'
import { decrypt, gcm, isSameMac, type MetaKeys, type ValueKeys } from './keys.ts'
import {
  encodeFrameHeader,
  FLAG_CLEAR,
  FLAG_FINAL,
  FRAME_HEADER_BYTES,
  FRAME_LEN_MAX,
  FRAME_LEN_MIN,
  type Frame,
  type Stamp,
  TAG_BYTES,
} from './layout.ts'
import { hmac } from './mac.ts'

const META_KIND = 1
const VALUE_KIND = 2

/** Where a frame stands: its number and the chain's value before it. */
export interface Position {
  readonly seq: number
  readonly chain: Uint8Array
}

/** Keys come from a fresh random key a file, and within a file (kind, seq) is encrypted once: no nonce comes twice. */
function nonceOf(kind: number, seq: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(kind, 0)
  nonce.writeBigUInt64BE(BigInt(seq), 4)
  return nonce
}

/** What a frame holds. */
export interface FrameContent {
  readonly type: number
  readonly stamp: Stamp
  readonly meta: CborMap
  /** The CBOR of VALUE, in pieces that make it together; null: there is none. */
  readonly value: readonly Uint8Array[] | null
}

/**
 * An encrypted frame. VALUE is sealed first and META's additional data covers it, so whoever holds the META key alone
 * can tell that the whole frame is genuine, even when the VALUE key is gone.
 */
export function sealFrame(
  position: Position,
  frame: FrameContent,
  keys: { readonly meta: MetaKeys; readonly value: ValueKeys },
): Buffer {
  const { type, stamp, value } = frame
  const meta = encodeCbor(frame.meta)
  const valueBytes = value === null ? 0 : value.reduce((sum, piece) => sum + piece.length, TAG_BYTES)
  const bodyBytes = VALUE_LENGTH_BYTES + valueBytes + meta.length
  checkLength(bodyBytes)
  const bytes = Buffer.allocUnsafe(FRAME_HEADER_BYTES + bodyBytes + TAG_BYTES)
  bytes.set(encodeFrameHeader({ type, flags: 0, seq: position.seq, bodyBytes, ...stamp }))
  bytes.writeUInt32BE(valueBytes, FRAME_HEADER_BYTES)
  const place = Buffer.concat([bytes.subarray(0, FRAME_HEADER_BYTES), position.chain])
  const valueEnd =
    value === null
      ? VALUE_AT
      : sealInto(bytes, VALUE_AT, value, gcm(keys.value.value, nonceOf(VALUE_KIND, position.seq), [place]))
  const sealedValue = bytes.subarray(FRAME_HEADER_BYTES, valueEnd)
  sealInto(bytes, valueEnd, [meta], gcm(keys.meta.meta, nonceOf(META_KIND, position.seq), [place, sealedValue]))
  return bytes
}

const VALUE_LENGTH_BYTES = 4
const VALUE_AT = FRAME_HEADER_BYTES + VALUE_LENGTH_BYTES
/** What is encrypted at once: the runtime gives a buffer back for each, and small ones come at a fraction of the price. */
const PIECE_BYTES = 65_536

/** Writes ciphertext and tag; gives where they end. */
function sealInto(to: Buffer, from: number, plain: readonly Uint8Array[], cipher: CipherGCM): number {
  let at = from
  for (const part of plain) {
    for (let read = 0; read < part.length; read += PIECE_BYTES) {
      to.set(cipher.update(part.subarray(read, read + PIECE_BYTES)), at)
      at += Math.min(PIECE_BYTES, part.length - read)
    }
  }
  // Gives no bytes in this mode, and makes the tag.
  cipher.final()
  to.set(cipher.getAuthTag(), at)
  return at + TAG_BYTES
}

/**
 * A frame that anyone can read and only the key's holder can make. Its tag is an HMAC, not an AEAD tag: after a crash
 * a frame number may be used again for such a frame, and an HMAC has no nonce to repeat.
 */
export function sealClearFrame(
  position: Position,
  frame: { readonly type: number; readonly stamp: Stamp; readonly body: CborMap; readonly final: boolean },
  keys: MetaKeys,
): Buffer {
  const body = encodeCbor(frame.body)
  checkLength(body.length)
  const flags = FLAG_CLEAR | (frame.final ? FLAG_FINAL : 0)
  const header = encodeFrameHeader({
    type: frame.type,
    flags,
    seq: position.seq,
    bodyBytes: body.length,
    ...frame.stamp,
  })
  return Buffer.concat([header, body, clearTag(keys, header, position.chain, body)])
}

function checkLength(bodyBytes: number): void {
  if (bodyBytes + FRAME_LEN_MIN > FRAME_LEN_MAX) {
    throw new RecordingError('TOO_LARGE', `an entry of ${bodyBytes} bytes exceeds the limit of ${FRAME_LEN_MAX}`)
  }
}

const clearTag = (keys: MetaKeys, header: Uint8Array, chain: Uint8Array, body: Uint8Array): Uint8Array =>
  hmac(keys.seal, [header, chain, body]).subarray(0, TAG_BYTES)

/** A frame's bodies, opened. */
export interface OpenedFrame {
  readonly meta: Fields
  /** Null when there is none, or its key is gone. */
  readonly value: Fields | null
}

/** Whether a clear frame was made by the key's holder, at this place of this file. */
export const isGenuineClear = (frame: Frame, chain: Uint8Array, keys: MetaKeys): boolean =>
  isSameMac(clearTag(keys, frame.bytes.subarray(0, FRAME_HEADER_BYTES), chain, frame.body), frame.tag)

/** META's plaintext, or null when the frame is not genuine at this place of this file. */
export function openMeta(frame: Frame, chain: Uint8Array, keys: MetaKeys): Uint8Array | null {
  const valueEnd = valueEndOf(frame)
  if (valueEnd === null) return null
  const sealedValue = frame.body.subarray(0, valueEnd)
  const sealedMeta = Buffer.concat([frame.body.subarray(valueEnd), frame.tag])
  const header = frame.bytes.subarray(0, FRAME_HEADER_BYTES)
  return decrypt(keys.meta, nonceOf(META_KIND, frame.seq), sealedMeta, [header, chain, sealedValue])
}

/** Whether a frame of either kind is genuine. */
export const isGenuine = (frame: Frame, chain: Uint8Array, keys: MetaKeys): boolean =>
  frame.clear ? isGenuineClear(frame, chain, keys) : openMeta(frame, chain, keys) !== null

/** Opens an encrypted frame. Throws FORGED when it isn't genuine. */
export function openFrame(frame: Frame, chain: Uint8Array, meta: MetaKeys, value: ValueKeys | null): OpenedFrame {
  const plain = openMeta(frame, chain, meta)
  if (plain === null) throw forged(frame.seq)
  return { meta: decodeCborMap(plain, `frame ${frame.seq}`), value: openValue(frame, chain, value) }
}

function openValue(frame: Frame, chain: Uint8Array, keys: ValueKeys | null): Fields | null {
  const valueEnd = valueEndOf(frame)
  if (keys === null || valueEnd === null || valueEnd === 4) return null
  const header = frame.bytes.subarray(0, FRAME_HEADER_BYTES)
  const plain = decrypt(keys.value, nonceOf(VALUE_KIND, frame.seq), frame.body.subarray(4, valueEnd), [header, chain])
  if (plain === null) throw forged(frame.seq)
  return decodeCborMap(plain, `values of frame ${frame.seq}`)
}

/** Where VALUE ends in the body, or null when its length runs past it. */
function valueEndOf(frame: Frame): number | null {
  if (frame.body.length < 4) return null
  const valueEnd = 4 + Buffer.from(frame.body.buffer, frame.body.byteOffset, 4).readUInt32BE(0)
  return valueEnd <= frame.body.length ? valueEnd : null
}

export const forged = (seq: number): RecordingError =>
  new RecordingError('FORGED', `frame ${seq} isn't genuine: it was changed, moved or made without the key`)
