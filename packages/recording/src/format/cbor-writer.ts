import { RecordingError } from '../errors.ts'
import type { CborMap, CborValue } from './canonical-cbor.ts'

const UNSIGNED = 0
const NEGATIVE = 1
const BYTES = 2
const TEXT = 3
const LIST = 4
const MAP = 5
/** UTF-8 never takes more bytes for a UTF-16 unit. */
const UTF8_BYTES_MAX = 3
/** A text whose length is in the first byte of its head. */
const SHORT_CHARS = 24
/** The longest head: the major type and a 64-bit count. */
const HEAD_BYTES_MAX = 9
const TWO_32 = 4_294_967_296

/**
 * Writes CBOR in the core deterministic encoding (RFC 8949 section 4.2.1) into one buffer that grows and is used again.
 * The loop it is made for writes a few small values an entry: no objects but the buffer.
 */
export class CborWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacityBytes: number) {
    this.#bytes = Buffer.allocUnsafe(capacityBytes)
  }

  get length(): number {
    return this.#length
  }

  /** What was written; good until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Forgets what was written after `length` bytes. */
  cutTo(length: number): void {
    this.#length = length
  }

  /** The head of a list of so many items, to be written next. */
  list(count: number): void {
    this.#head(LIST, count)
  }

  /** The head of a map. Its pairs are to be written next, in the order that {@link CborWriter.value} would put them. */
  map(count: number): void {
    this.#head(MAP, count)
  }

  /** A safe integer as such, anything else in the shortest float that holds it. */
  number(value: number): void {
    if (Number.isSafeInteger(value)) {
      if (value >= 0) this.#head(UNSIGNED, value)
      else this.#head(NEGATIVE, -1 - value)
    } else {
      this.#float(value)
    }
  }

  text(value: string): void {
    this.#room(HEAD_BYTES_MAX + value.length * UTF8_BYTES_MAX)
    if (value.length < SHORT_CHARS && this.#shortAscii(value)) return
    // As if it were ASCII; where it isn't, the head may need more room than was left for it.
    const guessed = this.#length + headBytes(value.length)
    const bytes = this.#bytes.write(value, guessed, 'utf8')
    const from = this.#length + headBytes(bytes)
    if (from !== guessed) this.#bytes.copyWithin(from, guessed, guessed + bytes)
    this.#head(TEXT, bytes)
    this.#length += bytes
  }

  /** A call into the runtime costs more than a few characters. */
  #shortAscii(value: string): boolean {
    let at = this.#length
    this.#bytes[at++] = (TEXT << 5) | value.length
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code >= 0x80) return false
      this.#bytes[at++] = code
    }
    this.#length = at
    return true
  }

  bytes(value: Uint8Array): void {
    this.bytesHead(value.length)
    this.raw(value)
  }

  /** The head of a byte string; its bytes follow it elsewhere. */
  bytesHead(count: number): void {
    this.#head(BYTES, count)
  }

  /** Bytes that come as a string, a character each. */
  latin1(value: string): void {
    this.#head(BYTES, value.length)
    this.#room(value.length)
    this.#length += this.#bytes.write(value, this.#length, 'latin1')
  }

  /** Bytes that are CBOR already. */
  raw(encoded: Uint8Array): void {
    this.#room(encoded.length)
    this.#bytes.set(encoded, this.#length)
    this.#length += encoded.length
  }

  boolean(value: boolean): void {
    this.#byte(value ? 0xf5 : 0xf4)
  }

  null(): void {
    this.#byte(0xf6)
  }

  value(value: CborValue): void {
    if (value === null) this.null()
    else if (typeof value === 'string') this.text(value)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'boolean') this.boolean(value)
    else if (value instanceof Uint8Array) this.bytes(value)
    else if (isList(value)) {
      this.list(value.length)
      for (const item of value) this.value(item)
    } else this.#object(value)
  }

  #object(fields: CborMap): void {
    const keys = inOrder(Object.keys(fields))
    this.map(keys.length)
    for (const key of keys) {
      this.text(key)
      this.value(fields[key] ?? null)
    }
  }

  #head(major: number, count: number): void {
    this.#room(HEAD_BYTES_MAX)
    const bytes = this.#bytes
    const type = major << 5
    if (count < 24) {
      bytes[this.#length++] = type | count
    } else if (count < 0x100) {
      bytes[this.#length++] = type | 24
      bytes[this.#length++] = count
    } else if (count < 0x1_0000) {
      bytes[this.#length++] = type | 25
      this.#length = bytes.writeUInt16BE(count, this.#length)
    } else if (count < TWO_32) {
      bytes[this.#length++] = type | 26
      this.#fourBytes(count)
    } else {
      bytes[this.#length++] = type | 27
      this.#fourBytes(Math.floor(count / TWO_32))
      this.#fourBytes(count >>> 0)
    }
  }

  /** A quarter of what the runtime's own takes: the room is there, and the number in range. */
  #fourBytes(value: number): void {
    const bytes = this.#bytes
    let at = this.#length
    bytes[at++] = value >>> 24
    bytes[at++] = value >>> 16
    bytes[at++] = value >>> 8
    bytes[at++] = value
    this.#length = at
  }

  #float(value: number): void {
    if (!Number.isFinite(value)) throw new RecordingError('MALFORMED', 'an entry with a number that is not finite')
    this.#room(HEAD_BYTES_MAX)
    if (Math.fround(value) !== value) {
      this.#bytes[this.#length++] = 0xfb
      this.#length = this.#bytes.writeDoubleBE(value, this.#length)
      return
    }
    const half = halfOf(value)
    if (half === null) {
      this.#bytes[this.#length++] = 0xfa
      this.#length = this.#bytes.writeFloatBE(value, this.#length)
    } else {
      this.#bytes[this.#length++] = 0xf9
      this.#length = this.#bytes.writeUInt16BE(half, this.#length)
    }
  }

  #byte(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

const headBytes = (count: number): number =>
  count < 24 ? 1 : count < 0x100 ? 2 : count < 0x1_0000 ? 3 : count < TWO_32 ? 5 : HEAD_BYTES_MAX

const isList = (value: readonly CborValue[] | CborMap): value is readonly CborValue[] => Array.isArray(value)

/** The bits of a half-precision float (IEEE 754 binary16) that is exactly this number, or null. */
function halfOf(value: number): number | null {
  const size = Math.abs(value)
  if (size > 65_504) return null
  const exponent = Math.max(Math.floor(Math.log2(size)), -14)
  // Ten bits stand behind the point; below 2^-14 they keep that place.
  const mantissa = size * 2 ** (10 - exponent)
  if (!Number.isInteger(mantissa)) return null
  const sign = value < 0 ? 0x8000 : 0
  return mantissa < 1_024 ? sign | mantissa : sign | ((exponent + 15) << 10) | (mantissa - 1_024)
}

/** Map keys in the order of their encodings: shorter first, equally long ones byte by byte (RFC 8949 section 4.2.1). */
const inOrder = (keys: string[]): readonly string[] =>
  keys.some(key => NOT_ASCII.test(key)) ? keys.sort(compareEncoded) : keys.sort(compareAscii)

const compareAscii = (a: string, b: string): number => a.length - b.length || (a < b ? -1 : 1)

function compareEncoded(a: string, b: string): number {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length - right.length || Buffer.compare(left, right)
}

const NOT_ASCII = /[^\0-\u007f]/
