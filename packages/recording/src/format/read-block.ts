import { RecordingError } from '../errors.ts'
import type { BlockParts } from '../writer/block.ts'
import { decodeCborMap, decodeCborSequence, Fields } from './canonical-cbor.ts'
import { decodeEntry } from './decode-event.ts'
import type { EventStamp, RecordedEvent } from './event.ts'
import { blockCipher, type MetaKeys, type ValueKeys } from './keys.ts'
import { FRAME_TYPES, type Frame } from './layout.ts'

/** Reads the body of a BLOCK frame, without opening its streams. */
export function decodeBlock(frame: Frame): BlockParts {
  const body = decodeCborMap(frame.body, `block ${frame.seq}`)
  return {
    first: body.number('first'),
    entries: body.number('entries'),
    meta: body.bytes('meta'),
    value: body.bytes('value'),
    fromTail: body.boolean('from_tail'),
  }
}

/** Opens a block that was found genuine, and reads its entries in order. */
export function readBlock(frame: Frame, meta: MetaKeys, value: ValueKeys | null): readonly RecordedEvent[] {
  const block = decodeBlock(frame)
  const what = `entries of block ${frame.seq}`
  const entries = decodeCborSequence(blockCipher(meta.metaStream, block.first).update(block.meta), what)
  if (entries.length !== block.entries) {
    throw new RecordingError('MALFORMED', `${entries.length} ${what}; expected ${block.entries}`)
  }
  const values = value === null ? new Map<number, Fields>() : readValues(block, value, frame.seq)
  const whole = new Map<number, Whole>()
  return entries.map((item, index) => {
    const number = block.first + index
    const entry = entryOf(item, what)
    const like = entry.meta.maybe('like', key => entry.meta.number(key))
    const opened = { meta: entry.meta, value: values.get(number) ?? null }
    const full = like === null ? opened : joined(opened, whole.get(like), what)
    if (like === null && entry.type === FRAME_TYPES.intent) whole.set(number, opened)
    const stamp: EventStamp = { seq: frame.seq, at: entry.wallUs / 1e3, monotonic: entry.monoUs / 1e3 }
    return decodeEntry(entry.type, stamp, full)
  })
}

interface Whole {
  readonly meta: Fields
  readonly value: Fields | null
}

/** A run of a statement that an earlier entry has in full. */
function joined(run: Whole, whole: Whole | undefined, what: string): Whole {
  if (whole === undefined) throw new RecordingError('MALFORMED', `${what}: one is like another that isn't there`)
  return {
    meta: whole.meta.over(run.meta),
    value: whole.value !== null && run.value !== null ? whole.value.over(run.value) : whole.value,
  }
}

function readValues(block: BlockParts, keys: ValueKeys, seq: number): ReadonlyMap<number, Fields> {
  const what = `values of block ${seq}`
  const values = new Map<number, Fields>()
  for (const item of decodeCborSequence(blockCipher(keys.valueStream, block.first).update(block.value), what)) {
    const [number, fields]: readonly unknown[] = Array.isArray(item) ? item : []
    if (typeof number !== 'number') throw new RecordingError('MALFORMED', `${what}: one has no number`)
    values.set(number, new Fields(fields, what))
  }
  return values
}

function entryOf(
  item: unknown,
  what: string,
): { readonly type: number; readonly monoUs: number; readonly wallUs: number; readonly meta: Fields } {
  const [type, monoUs, wallUs, meta]: readonly unknown[] = Array.isArray(item) ? item : []
  if (typeof type !== 'number' || typeof monoUs !== 'number' || typeof wallUs !== 'number') {
    throw new RecordingError('MALFORMED', `${what}: one isn't a type, two times and a map`)
  }
  return { type, monoUs, wallUs, meta: new Fields(meta, what) }
}
