import type { Cipher } from 'node:crypto'
import type { Entry } from '@querywarden/policy-core'
import type { CborMap } from '../format/canonical-cbor.ts'
import { CborWriter } from '../format/cbor-writer.ts'
import { blockCipher, type MetaKeys, type ValueKeys } from '../format/keys.ts'
import { Keystream } from '../format/keystream.ts'
import type { Moment } from '../format/moment.ts'
import { writeCompletion, writeIntent, writeIntentValue, writeLike, writeNotice, writeRows } from './block-entries.ts'
import type { BodyRules } from './entry-bodies.ts'
import type { IntentShape, IntentTemplate } from './intent-template.ts'
import type { RowsEntry } from './rows-pieces.ts'

type Intent = Extract<Entry, { kind: 'intent' }>
type CompletionEntry = Extract<Entry, { kind: 'completion' }>

const FIRST_BYTES = 1_024
/** What a block's frame takes beside its streams: header, tag, the map around them. */
const FRAME_BYTES = 128
const NOTHING = new Uint8Array(0)

/** A block that is so large is sealed. */
export const BLOCK_BYTES_MAX = 65_536

/** Entries that were encrypted together, for the tail. */
export interface Chunk {
  /** How many entries of the block came before. */
  readonly at: number
  readonly entries: number
  readonly meta: Uint8Array
  readonly value: Uint8Array
}

/**
 * Entries on their way into one frame. Each is staged in clear, then encrypted with what else is staged, by ciphers that
 * live as long as the block. META and VALUE are two streams under two keys, so that destroying one leaves the other.
 */
export class Block {
  /** The number of its first entry within the recording's blocks. */
  readonly first: number
  readonly #keys: { readonly meta: MetaKeys; readonly value: ValueKeys }
  readonly #meta: Stream
  #value: Stream | null = null
  #entries = 0
  #encrypted = 0
  /** The number of entries up to the latest rows. */
  #afterRows = 0
  /** Where in the recording's blocks a statement stands in full, to be referred to. */
  readonly #full = new Map<IntentShape, { readonly number: number; readonly template: IntentTemplate }>()

  constructor(first: number, keys: { readonly meta: MetaKeys; readonly value: ValueKeys }) {
    this.first = first
    this.#keys = keys
    this.#meta = new Stream(blockCipher(keys.meta.metaStream, first))
  }

  get entries(): number {
    return this.#entries
  }
  /** What its frame will take, about. */
  get bytes(): number {
    return FRAME_BYTES + this.#meta.to.length + (this.#value?.to.length ?? 0)
  }

  /** Stages an intent, in few bytes where this block has the like already. */
  addIntent(entry: Intent, template: IntentTemplate, moment: Moment, rules: BodyRules): void {
    const number = this.first + this.#entries
    const like = this.#full.get(template.shape)
    this.#whole(() => {
      if (like === undefined) {
        writeIntent(this.#meta.to, moment, { entry, template }, rules)
        if (!template.shape.sql.secret) writeIntentValue(this.#valueOf(number), entry, 'all', rules)
        return
      }
      const text = like.template === template ? 'same' : 'other'
      writeLike(this.#meta.to, moment, { entry, template, like: like.number, text }, rules)
      if (template.shape.sql.secret) return
      if (text === 'other') writeIntentValue(this.#valueOf(number), entry, 'all', rules)
      else if (rules.parameters === 'encrypted' && entry.params.length > 0)
        writeIntentValue(this.#valueOf(number), entry, 'params', rules)
    })
    if (like === undefined) this.#full.set(template.shape, { number, template })
  }

  /** `words`: what the server said of its failure, null where that is not to be kept. */
  addCompletion(entry: CompletionEntry, moment: Moment, words: string | null): void {
    const number = this.first + this.#entries
    this.#whole(() => {
      writeCompletion(this.#meta.to, moment, entry)
      if (words !== null) this.#addValue(number, { message: words })
    })
  }

  addNotice(entry: Extract<Entry, { kind: 'notice' }>, moment: Moment, words: string | null): void {
    const number = this.first + this.#entries
    this.#whole(() => {
      writeNotice(this.#meta.to, moment, entry)
      if (words !== null) this.#addValue(number, { message: words })
    })
  }

  addRows(entry: RowsEntry, moment: Moment, rules: BodyRules): void {
    const number = this.first + this.#entries
    const kept = entry.keep ?? 'frames'
    this.#whole(() => {
      writeRows(this.#meta.to, moment, { entry, kept }, rules)
      if (kept === 'frames') this.#addValue(number, { frames: entry.frames })
    })
    this.#afterRows = this.#entries
  }

  /** Whether rows are staged that {@link Block.encrypt} hasn't given to anyone. */
  get hasNewRows(): boolean {
    return this.#afterRows > this.#encrypted
  }

  /** Takes the latest entry back, while it is staged. */
  takeBack(): void {
    this.#entries -= 1
    this.#meta.takeBack()
    this.#value?.takeBack()
    const taken = this.first + this.#entries
    for (const [shape, { number }] of this.#full) if (number === taken) this.#full.delete(shape)
  }

  /** Encrypts what is staged. Null when nothing is. */
  encrypt(): Chunk | null {
    const at = this.#encrypted
    if (at === this.#entries) return null
    this.#encrypted = this.#entries
    return {
      at,
      entries: this.#entries - at,
      meta: this.#meta.encrypt(),
      value: this.#value?.encrypt() ?? NOTHING,
    }
  }

  /** The body of its frame, once everything is encrypted. */
  body(): CborMap {
    return blockBody({
      first: this.first,
      entries: this.#entries,
      meta: this.#meta.to.written,
      value: this.#value?.to.written ?? NOTHING,
      fromTail: false,
    })
  }

  #addValue(number: number, value: CborMap): void {
    this.#valueOf(number).value(value)
  }

  /** Where the VALUE of that entry is to be written. */
  #valueOf(number: number): CborWriter {
    this.#value ??= new Stream(blockCipher(this.#keys.value.valueStream, this.first))
    const { to } = this.#value
    to.list(2)
    to.number(number)
    return to
  }

  /** An entry that can't be encoded leaves nothing behind. */
  #whole(write: () => void): void {
    this.#meta.mark()
    this.#value?.mark()
    try {
      write()
    } catch (error) {
      this.#meta.takeBack()
      this.#value?.takeBack()
      throw error
    }
    this.#entries += 1
  }
}

/** A sealed block, or what a tail has of one. */
export interface BlockParts {
  readonly first: number
  readonly entries: number
  readonly meta: Uint8Array
  readonly value: Uint8Array
  /** A later boot took it from the tail of a dead one. */
  readonly fromTail: boolean
}

export const blockBody = ({ first, entries, meta, value, fromTail }: BlockParts): CborMap => ({
  first,
  entries,
  meta,
  value,
  from_tail: fromTail,
})

/** One of a block's two streams: what is encrypted, and behind it in the same buffer what is staged in clear. */
class Stream {
  readonly to: CborWriter = new CborWriter(FIRST_BYTES)
  readonly #keystream: Keystream
  #encrypted = 0
  #mark = 0

  constructor(cipher: Cipher) {
    this.#keystream = new Keystream(cipher)
  }

  mark(): void {
    this.#mark = this.to.length
  }

  takeBack(): void {
    this.to.cutTo(this.#mark)
  }

  /** Encrypts what is staged, and gives it: good until more is written. */
  encrypt(): Uint8Array {
    const staged = this.to.written.subarray(this.#encrypted)
    this.#keystream.apply(staged)
    this.#encrypted = this.to.length
    return staged
  }
}
