import { decode } from 'cborg'
import { encodeCbor } from '../../src/format/canonical-cbor.ts'
import { chainNext, chainStart } from '../../src/format/chain.ts'
import type { Change } from './subject.ts'

/** Something that is done to a directory, by somebody who has no key. */
export interface Attack {
  readonly kind: string
  /** Says what exactly, to do it again. */
  readonly what: string
  readonly change: Change
}

type Files = ReadonlyMap<string, Buffer>

const isRecording = (name: string): boolean => name.endsWith('.dbrec')
const isLog = (name: string): boolean => name.endsWith('instance.log')
const bootOf = (name: string): string => name.split('/')[0] ?? ''
const one = (name: string, bytes: Buffer | null): Change => new Map([[name, bytes]])

/** Where the frames of a file are. */
export function frameRanges(file: Buffer): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (let at = 12 + file.readUInt32BE(8); at < file.length; ) {
    const end = at + 4 + file.readUInt32BE(at)
    ranges.push([at, end])
    at = end
  }
  return ranges
}

function inOrder(file: Buffer, order: readonly number[]): Buffer {
  const ranges = frameRanges(file)
  const pieces = order.map(index => file.subarray(...(ranges[index] ?? [0, 0])))
  return Buffer.concat([file.subarray(0, ranges[0]?.[0] ?? 0), ...pieces])
}

const MASKS = [0x01, 0x80, 0x41, 0xff] as const

/** Every byte of recordings and logs, changed in a way that differs from byte to byte. */
export function* flips(files: Files): Generator<Attack> {
  for (const [name, bytes] of files) {
    if (!isRecording(name) && !isLog(name)) continue
    for (let at = 0; at < bytes.length; at++) {
      const mask = MASKS[at % MASKS.length] ?? 1
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ mask
      yield { kind: 'byte flipped', what: `${name} ${at} ^ ${mask}`, change: one(name, changed) }
    }
  }
}

/** Every frame left out, doubled, and swapped with every other. */
export function* reorders(files: Files): Generator<Attack> {
  for (const [name, bytes] of files) {
    if (!isRecording(name) && !isLog(name)) continue
    const all = frameRanges(bytes).map((_, index) => index)
    const attack = (kind: string, order: readonly number[]): Attack => ({
      kind,
      what: `${name} ${order.join()}`,
      change: one(name, inOrder(bytes, order)),
    })
    for (const i of all) {
      yield attack(
        'frame dropped',
        all.filter(j => j !== i),
      ) // prettier-ignore
      yield attack(
        'frame doubled',
        all.flatMap(j => (j === i ? [j, j] : [j])),
      ) // prettier-ignore
      for (const j of all.slice(i + 1)) {
        yield attack(
          'frames swapped',
          all.map(k => (k === i ? j : k === j ? i : k)),
        ) // prettier-ignore
      }
    }
  }
}

/** Every end cut off, and bytes added. */
export function* cuts(files: Files): Generator<Attack> {
  for (const [name, bytes] of files) {
    if (!isRecording(name) && !isLog(name)) continue
    for (let length = 0; length < bytes.length; length++) {
      yield { kind: 'end cut off', what: `${name} at ${length}`, change: one(name, bytes.subarray(0, length)) }
    }
    for (const more of [Buffer.of(0), bytes.subarray(-60)]) {
      yield { kind: 'bytes added', what: name, change: one(name, Buffer.concat([bytes, more])) }
    }
  }
}

/** Files and folders taken away, renamed, and put in another's place. */
export function* removals(files: Files): Generator<Attack> {
  const names = [...files.keys()].filter(name => isRecording(name) || isLog(name))
  for (const name of names) {
    yield { kind: isLog(name) ? 'log removed' : 'recording removed', what: name, change: one(name, null) }
    for (const other of names.filter(two => two !== name && isLog(two) === isLog(name))) {
      yield { kind: 'put in another place', what: `${name} <- ${other}`, change: one(name, files.get(other) ?? null) }
    }
  }
  for (const name of names.filter(isRecording)) {
    const renamed = name.replace(/[0-9a-f]{4}\.dbrec$/, 'beef.dbrec')
    const change = new Map([
      [name, null],
      [renamed, files.get(name) ?? null],
    ]) // prettier-ignore
    yield { kind: 'recording renamed', what: name, change }
  }
  for (const boot of new Set(names.map(bootOf))) {
    const own = [...files.keys()].filter(name => bootOf(name) === boot)
    yield { kind: 'boot removed', what: boot, change: new Map(own.map(name => [name, null])) }
  }
}

/** The end of a log cut off between two entries, together with the recordings of which it then knows nothing, or less. */
export function* cutsOfBoth(files: Files): Generator<Attack> {
  for (const [log, bytes] of files) {
    if (!isLog(log)) continue
    const ranges = frameRanges(bytes)
    for (let kept = 0; kept < ranges.length; kept++) {
      const change = new Map<string, Buffer | null>([[log, inOrder(bytes, ranges.map((_, i) => i).slice(0, kept))]])
      const heads = headsOf(bytes, kept)
      for (const [name, recording] of files) {
        if (!isRecording(name) || bootOf(name) !== bootOf(log)) continue
        const frames = heads.get(name.slice(name.indexOf('/') + 1, -'.dbrec'.length)) ?? 0
        const all = frameRanges(recording).map((_, index) => index)
        if (frames < all.length) change.set(name, frames === 0 ? null : inOrder(recording, all.slice(0, frames)))
      }
      yield { kind: 'log and recordings cut', what: `${log} to ${kept} entries`, change }
      yield {
        kind: 'log and recordings cut',
        what: `${log} to ${kept}, no checkpoint`,
        change: withoutCheckpoints(change, files, log),
      }
    }
  }
}

function withoutCheckpoints(change: Change, files: Files, log: string): Change {
  const notes = [...files.keys()].filter(name => bootOf(name) === bootOf(log) && name.includes('/checkpoint'))
  return new Map([...change, ...notes.map((name): [string, null] => [name, null])])
}

const STRICT = { useMaps: true }
const bodyOf = (frame: Buffer): Map<string, unknown> => decode(frame.subarray(30, -16), STRICT)

/** How many frames of each recording a log knows after so many entries. */
function headsOf(log: Buffer, entries: number): ReadonlyMap<string, number> {
  const heads = new Map<string, number>()
  for (const range of frameRanges(log).slice(0, entries)) {
    const body = bodyOf(log.subarray(...range))
    if (typeof body.get('rec_id') === 'string') heads.set(String(body.get('rec_id')), Number(body.get('frames')))
  }
  return heads
}

/** One frame less, and every number, chain value and head made to fit: all that can be done without a key. */
export function* rewrites(files: Files): Generator<Attack> {
  for (const [name, bytes] of files) {
    if (!isRecording(name)) continue
    const id = name.slice(name.indexOf('/') + 1, -'.dbrec'.length)
    for (let dropped = 1; dropped < frameRanges(bytes).length - 1; dropped++) {
      const { file, chains } = rewritten(bytes, dropped)
      const change = new Map<string, Buffer | null>([[name, file]])
      for (const [log, entries] of files) if (isLog(log)) change.set(log, relogged(entries, id, { dropped, chains }))
      const logs = [...files.keys()].filter(isLog)
      const bare = logs.reduce<Change>((all, log) => withoutCheckpoints(all, files, log), change)
      yield { kind: 'both rewritten', what: `${name} without ${dropped}`, change: bare }
    }
  }
}

function rewritten(file: Buffer, dropped: number): { readonly file: Buffer; readonly chains: readonly Uint8Array[] } {
  const ranges = frameRanges(file)
  const header = file.subarray(0, ranges[0]?.[0] ?? 0)
  const chains: Uint8Array[] = [chainStart(header)]
  const pieces: Buffer[] = [header]
  for (const range of ranges.filter((_, index) => index !== dropped)) {
    const frame = Buffer.from(file.subarray(...range))
    frame.writeBigUInt64BE(BigInt(chains.length - 1), 6)
    const before = chains.at(-1) ?? Buffer.alloc(0)
    const isEnd = frame[4] === 16 || frame[4] === 14
    const position = { frames: chains.length, bytes: Buffer.concat(pieces).length, chain: before }
    const made = isEnd ? withBody(frame, endBody(bodyOf(frame), position)) : frame
    pieces.push(made)
    chains.push(chainNext(before, made))
  }
  return { file: Buffer.concat(pieces), chains }
}

function endBody(
  body: Map<string, unknown>,
  at: { readonly frames: number; readonly bytes: number; readonly chain: Uint8Array },
): Map<string, unknown> {
  const more: [string, unknown][] = body.has('total_frames')
    ? [
        ['total_frames', at.frames],
        ['total_bytes', at.bytes],
        ['chain', at.chain],
      ] // prettier-ignore
    : [
        ['last_seq', at.frames - 2],
        ['last_chain', at.chain],
      ] // prettier-ignore
  return new Map([...body, ...more])
}

/** A clear frame with another body; its tag can't be made, and stays. */
function withBody(frame: Buffer, body: Map<string, unknown>): Buffer {
  const cbor = encodeCbor(plain(body) as never)
  const made = Buffer.concat([frame.subarray(0, 30), cbor, frame.subarray(-16)])
  made.writeUInt32BE(made.length - 4, 0)
  return made
}

const plain = (value: unknown): unknown =>
  value instanceof Map
    ? Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]))
    : Array.isArray(value)
      ? value.map(plain)
      : value

/** A log whose heads of one recording are those that it has now. */
function relogged(
  log: Buffer,
  recording: string,
  made: { readonly dropped: number; readonly chains: readonly Uint8Array[] },
): Buffer {
  const ranges = frameRanges(log)
  const header = log.subarray(0, ranges[0]?.[0] ?? 0)
  const pieces: Buffer[] = [header]
  let chain = chainStart(header)
  for (const range of ranges) {
    const frame = log.subarray(...range)
    const body = bodyOf(frame)
    const frames = Number(body.get('frames'))
    const isOf = body.get('rec_id') === recording
    const now = isOf && frames > made.dropped ? frames - 1 : frames
    const head: [string, unknown][] = isOf
      ? [
          ['frames', now],
          ['chain', made.chains[now]],
        ]
      : [] // prettier-ignore
    const entry = withBody(frame, new Map([...body, ...head, ['prev', chain]]))
    pieces.push(entry)
    chain = chainNext(chain, entry)
  }
  return Buffer.concat(pieces)
}

/** Checkpoints put back or taken away: nothing is lost where anchors keep later ones. */
export function* checkpointAttacks(files: Files): Generator<Attack> {
  for (const [name, bytes] of files) {
    if (!name.endsWith('/checkpoint')) continue
    yield { kind: 'checkpoint removed', what: name, change: one(name, null) }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      yield { kind: 'checkpoint changed', what: `${name} ${at}`, change: one(name, changed) }
    }
  }
}
