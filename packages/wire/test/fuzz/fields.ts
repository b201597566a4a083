import type { Random } from './random.ts'
import type { Sink } from './sink.ts'

/** A message in the making: where its bytes go, and how often a field lies. */
export interface Draft {
  readonly random: Random
  readonly sink: Sink
  /** One field in so many lies; 0 for a message that is all true. */
  readonly lieOnceIn: number
  /** Whether any field did. */
  hasLied: boolean
}

/** Writes one field of a message, as the manual has it. */
export type Field = (draft: Draft) => void

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What texts are made of: names, SQL, quotes, and each length of UTF-8, a byte order mark and U+FFFD among them. */
const ATOMS: readonly Uint8Array[] = [
  ...['a', 'S', 'user', 'select $1', ' ', ';', "'", '"', '\\', '\n', '--', '/*', '*/', '$$', '0', 'UTF8', '_pq_.x'],
  ...['é', '€', '𝄞', '\ufeff', '\ufffd', '\u2028', '\u007f', '\u0001', '\uffff', '\u{10ffff}'],
].map(utf8)

/** What isn't UTF-8: stray, cut and overlong sequences, a surrogate, beyond the last character. */
const NOT_UTF8: readonly Uint8Array[] = [
  [0x80],
  [0xff],
  [0xc3],
  [0xe2, 0x82],
  [0xc0, 0x80],
  [0xc0, 0xa7],
  [0xed, 0xa0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf0, 0x80, 0x80, 0x80],
].map(bytes => Uint8Array.from(bytes))

/** Lengths and counts that wrap, turn negative, or say more than there can be. */
const LYING_INT32 = [-2, -1, 0, 1, 3, 4, 0x7fff_ffff, -0x8000_0000, 0x3fff_ffff, 0x4000_0000, 0x1_0000]
const LYING_INT16 = [-1, -2, -0x8000, 0x7fff, 0, 1, 2, 7, 0x100]

const lies = (draft: Draft): boolean => {
  if (draft.lieOnceIn === 0 || !draft.random.oneIn(draft.lieOnceIn)) return false
  draft.hasLied = true
  return true
}

/** Mostly a few, rarely many: sizes that cross pages and chunks must come up, but can't be the rule. */
export function someSize(random: Random): number {
  if (random.oneIn(2000)) return random.below(70_000)
  if (random.oneIn(100)) return random.below(3000)
  return random.below(12)
}

const few = (random: Random): number => (random.oneIn(5000) ? random.below(2000) : random.below(4))

export const byteOf =
  (...codes: readonly number[]): Field =>
  draft =>
    draft.sink.byte(lies(draft) ? draft.random.below(256) : draft.random.pick(codes))

export const int16: Field = ({ random, sink }) =>
  sink.int16(random.pick([0, 1, -1, 0x7fff, -0x8000, random.below(100)]))

export const int32: Field = ({ random, sink }) =>
  sink.int32(random.pick([0, 1, -1, 0x7fff_ffff, -0x8000_0000, random.below(30_000)]))

export const naturalInt32: Field = draft =>
  draft.sink.int32(lies(draft) ? -1 - draft.random.below(9) : draft.random.pick([0, 1, 100, 0x7fff_ffff]))

export const constantInt32 =
  (value: number): Field =>
  draft =>
    draft.sink.int32(lies(draft) ? draft.random.pick(LYING_INT32) : value)

/** Format code 0 or 1. */
export const format: Field = draft =>
  draft.sink.int16(lies(draft) ? draft.random.pick(LYING_INT16) : draft.random.below(2))

const putText = (draft: Draft, atomsMin: number): void => {
  const { random, sink } = draft
  const atoms = atomsMin + (random.oneIn(500) ? random.below(2000) : random.below(4))
  for (let i = 0; i < atoms && sink.room > 100; i++) sink.put(random.pick(ATOMS))
  if (lies(draft)) {
    const how = random.below(3)
    if (how === 0) sink.put(random.pick(NOT_UTF8))
    if (how === 1) sink.byte(0)
    if (how === 2) return
  }
  sink.byte(0)
}

/** A string and its terminator. */
export const text: Field = draft => putText(draft, 0)

/** A string that isn't empty. */
export const name: Field = draft => putText(draft, 1)

/** Bytes of any content. */
export const bytesOf =
  (min: number, max: number): Field =>
  draft => {
    const count = lies(draft) ? draft.random.below(max + 3) : min + draft.random.below(max - min + 1)
    putBytes(draft, count)
  }

/** All that is left of a message: any bytes. */
export const rest: Field = draft => putBytes(draft, someSize(draft.random))

function putBytes({ random, sink }: Draft, count: number): void {
  const end = Math.min(sink.at + count, sink.bytes.length - 1000)
  // A few bytes at random and a run: what they are matters little, and most of the time would go into making them.
  const first = random.below(256)
  const start = sink.at
  sink.bytes.fill(first, start, Math.max(start, end))
  sink.at = Math.max(start, end)
  if (sink.at > start) sink.bytes[start] = random.below(256)
}

/** A value behind its length, or NULL. */
export const value: Field = draft => {
  const { random, sink } = draft
  if (random.oneIn(5)) {
    sink.int32(lies(draft) ? random.pick(LYING_INT32) : -1)
    return
  }
  const lengthAt = sink.at
  sink.int32(0)
  rest(draft)
  const length = sink.at - lengthAt - 4
  sink.int32At(lengthAt, lies(draft) ? random.pick([...LYING_INT32, length - 1, length + 1]) : length)
}

/** An Int16 count and so many items. */
export const list16 =
  (...items: readonly Field[]): Field =>
  draft => {
    const count = few(draft.random)
    const said = lies(draft) ? draft.random.pick([...LYING_INT16, count - 1, count + 1]) : count
    draft.sink.int16(said)
    for (let i = 0; i < count && draft.sink.room > 100_000; i++) for (const item of items) item(draft)
  }

/** An Int32 count and so many items. */
export const list32 =
  (...items: readonly Field[]): Field =>
  draft => {
    const count = few(draft.random)
    const said = lies(draft) ? draft.random.pick([...LYING_INT32, count - 1, count + 1]) : count
    draft.sink.int32(said)
    for (let i = 0; i < count; i++) for (const item of items) item(draft)
  }

/** Items up to a NUL in the place of the next. */
export const terminated =
  (itemsMin: number, ...items: readonly Field[]): Field =>
  draft => {
    const count = itemsMin + draft.random.below(4)
    for (let i = 0; i < count; i++) for (const item of items) item(draft)
    if (!lies(draft)) draft.sink.byte(0)
    else if (draft.random.oneIn(2)) draft.sink.put(Uint8Array.of(0, 0))
  }

/** Format codes for none, all or each of the values that follow. */
export const formattedValues: Field = draft => {
  const { random, sink } = draft
  const count = few(random)
  const formats = lies(draft) ? random.below(count + 3) : random.pick([0, 1, count])
  sink.int16(formats)
  for (let i = 0; i < formats; i++) format(draft)
  sink.int16(lies(draft) ? random.pick([...LYING_INT16, count - 1, count + 1]) : count)
  for (let i = 0; i < count && sink.room > 100_000; i++) value(draft)
}
