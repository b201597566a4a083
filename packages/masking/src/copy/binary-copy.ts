import type { MaskCopy } from '@querywarden/policy-core'
import { OutputBuffer } from '../data-row/output-buffer.ts'
import { asBuffer } from '../utf8.ts'
import { type CopyLimits, type FieldMasks, type MaskField, malformed } from './delimited-copy.ts'
import { checkFieldBytes, type FieldBytes, fieldBytes } from './field-bytes.ts'

/** The signature, then flags and the length of an extension, of which no server writes any (manual, COPY, "Binary Format"). */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1')
const HEADER_BYTES = SIGNATURE.length + 8
const COUNT_BYTES = 2
const LENGTH_BYTES = 4
const TRAILER = -1
const OUTPUT_BYTES = 65_536

/** What comes next. `passing`: the bytes of a field that isn't looked into. `nothing`: the trailer was there. */
type Awaited = 'header' | 'count' | 'length' | 'field' | 'passing' | 'nothing'

/** Masks COPY data of the binary format, in whatever pieces it comes. */
export function binaryCopy(masks: FieldMasks, limits: CopyLimits): MaskCopy {
  const reader = new BinaryReader(masks, limits.fieldBytesMax)
  return { push: data => reader.push(data), finish: () => reader.finish() }
}

/** One COPY's data, from its header to its trailer. */
class BinaryReader {
  readonly #masks: FieldMasks
  readonly #fieldBytesMax: number
  readonly #begun: FieldBytes
  readonly #output = new OutputBuffer({ bytesInitial: OUTPUT_BYTES, bytesMax: Number.MAX_SAFE_INTEGER })
  #awaited: Awaited = 'header'
  /** How many bytes of it are still to come. */
  #missing = HEADER_BYTES
  #columns = 0
  #column = 0

  constructor(masks: FieldMasks, fieldBytesMax: number) {
    this.#masks = masks
    this.#fieldBytesMax = fieldBytesMax
    this.#begun = fieldBytes(Math.max(fieldBytesMax, HEADER_BYTES))
  }

  push(data: Uint8Array): Uint8Array {
    this.#output.clear()
    for (let at = 0; at < data.length; ) {
      if (this.#awaited === 'nothing') throw malformed('data behind its trailer')
      const end = Math.min(data.length, at + this.#missing)
      if (this.#awaited === 'passing') {
        this.#output.append(data, at, end)
        this.#missing -= end - at
        if (this.#missing === 0) this.#awaitField(this.#column + 1)
      } else if (end - at < this.#missing) {
        this.#begun.add(data, at, end)
        this.#missing -= end - at
      } else {
        this.#take(asBuffer(this.#begun.isEmpty() ? data.subarray(at, end) : this.#begun.take(data, at, end)))
      }
      at = end
    }
    return this.#output.bytes.slice(0, this.#output.length)
  }

  finish(): Uint8Array {
    if (this.#awaited !== 'nothing') throw malformed('end before its trailer')
    return new Uint8Array(0)
  }

  #take(piece: Buffer): void {
    switch (this.#awaited) {
      case 'header':
        if (!piece.subarray(0, SIGNATURE.length).equals(SIGNATURE) || piece.readBigInt64BE(SIGNATURE.length) !== 0n)
          throw malformed('unknown header')
        this.#output.append(piece, 0, piece.length)
        this.#await('count', COUNT_BYTES)
        break
      case 'count':
        this.#beginRow(piece.readInt16BE())
        break
      case 'length':
        this.#beginField(piece.readInt32BE())
        break
      case 'field':
        this.#endField(piece)
        break
      case 'passing':
      case 'nothing':
        throw malformed('data that nothing announced')
    }
  }

  #beginRow(columns: number): void {
    const isOther = this.#masks.kind === 'each' && columns !== this.#masks.masks.length
    if (columns < TRAILER || (columns !== TRAILER && isOther)) throw malformed('row of another length')
    this.#output.append(Uint8Array.of((columns >> 8) & 0xff, columns & 0xff), 0, COUNT_BYTES)
    this.#columns = columns
    if (columns === TRAILER) this.#await('nothing', 0)
    else this.#awaitField(0)
  }

  #beginField(length: number): void {
    if (length < -1) throw malformed('negative length of a field')
    const isLookedInto = this.#mask() !== null && length >= 0
    if (!isLookedInto) this.#output.appendInt32(length)
    else checkFieldBytes(length, this.#fieldBytesMax)
    if (length > 0) this.#await(isLookedInto ? 'field' : 'passing', length)
    else if (isLookedInto) this.#endField(Buffer.alloc(0))
    else this.#awaitField(this.#column + 1)
  }

  #endField(value: Uint8Array): void {
    const shown = this.#mask()?.(value) ?? null
    this.#output.appendInt32(shown === null ? -1 : shown.length)
    if (shown !== null) this.#output.append(shown, 0, shown.length)
    this.#awaitField(this.#column + 1)
  }

  #awaitField(column: number): void {
    this.#column = column
    if (column < this.#columns) this.#await('length', LENGTH_BYTES)
    else this.#await('count', COUNT_BYTES)
  }

  #await(awaited: Awaited, bytes: number): void {
    this.#awaited = awaited
    this.#missing = bytes
  }

  #mask(): MaskField | null {
    return this.#masks.kind === 'all' ? this.#masks.mask : (this.#masks.masks[this.#column] ?? null)
  }
}
