import type { Seed } from './corpus.ts'
import { type Field, someSize } from './fields.ts'
import { GRAMMAR, STARTUP } from './grammar.ts'
import type { Direction, Trial } from './laws.ts'
import type { Random } from './random.ts'
import { Sink } from './sink.ts'

/** Largest stream of a trial; a generator stops far below. */
const SINK_BYTES = 8 << 20
const LENGTH_LIES = [0, 3, 4, 5, 0x3fff_fffe, 0x3fff_ffff, 0x7fff_ffff, -0x8000_0000, -5, -1]

const sink = new Sink(SINK_BYTES)

/** Makes the next trial of one side: some frames, most of them sound, cut anywhere. The bytes hold until the next call. */
export function makeTrial(direction: Direction, random: Random, seeds: readonly Seed[]): Trial {
  sink.at = 0
  if (direction === 'frontend' && random.oneIn(12)) return startupTrial(random, seeds)
  const sound = new Set<number>()
  const frames = 1 + random.below(random.oneIn(4) ? 16 : 4)
  for (let i = 0; i < frames && sink.room > SINK_BYTES / 2; i++) {
    const start = sink.at
    if (addFrame(direction, random, seeds)) sound.add(start)
  }
  const frameBytesMax = random.oneIn(20) ? 64 + random.below(4000) : 1 << 22
  return { kind: direction, bytes: sink.bytes.subarray(0, sink.at), cuts: someCuts(random), frameBytesMax, sound }
}

/** Adds a frame; true if it has to be accepted. */
function addFrame(direction: Direction, random: Random, seeds: readonly Seed[]): boolean {
  const start = sink.at
  const fromSeed = random.oneIn(6) ? someSeed(direction, random, seeds) : null
  if (fromSeed !== null) {
    sink.put(fromSeed.bytes)
    if (random.oneIn(3)) return fromSeed.isSound
    mutate(start + (random.oneIn(10) ? 0 : 5), random)
    if (!random.oneIn(10)) mendLength(start, 1)
    return false
  }
  const rule = random.pick(GRAMMAR[direction])
  sink.byte(rule.tag)
  sink.int32(0)
  const hasLied = write(rule.fields, random)
  const isMutated = random.oneIn(5)
  if (isMutated) mutate(start + 5, random)
  const lies = random.oneIn(60)
  if (lies) sink.int32At(start + 1, random.oneIn(2) ? random.pick(LENGTH_LIES) : sink.at - start - 2 + random.below(3))
  else mendLength(start, 1)
  return !hasLied && !isMutated && !lies
}

function startupTrial(random: Random, seeds: readonly Seed[]): Trial {
  const seed = random.oneIn(4) ? someSeed('startup', random, seeds) : null
  let isSound = false
  if (seed !== null) sink.put(seed.bytes)
  else {
    const form = random.pick(STARTUP)
    sink.int32(0)
    isSound = !write(form.fields, random) && form.isSound
  }
  if (random.oneIn(3)) {
    mutate(4, random)
    isSound = false
  }
  mendLength(0, 0)
  if (sink.at > 10_000) isSound = false
  if (random.oneIn(20)) {
    sink.int32At(0, random.oneIn(2) ? random.pick(LENGTH_LIES) : sink.at - 2 + random.below(5))
    isSound = false
  }
  // What is stuffed in behind a packet.
  else if (random.oneIn(4)) for (let i = random.below(20); i >= 0; i--) sink.byte(random.below(256))
  const sound = new Set(isSound ? [0] : [])
  return { kind: 'startup', bytes: sink.bytes.subarray(0, sink.at), cuts: someCuts(random), frameBytesMax: 1, sound }
}

/** Writes fields, true or with lies; tells whether there was one. */
function write(fields: readonly Field[], random: Random): boolean {
  const draft = { random, sink, lieOnceIn: random.oneIn(3) ? 2 + random.below(5) : 0, hasLied: false }
  for (const field of fields) field(draft)
  return draft.hasLied
}

function someSeed(kind: Trial['kind'], random: Random, seeds: readonly Seed[]): Seed | null {
  const fitting = seeds.length === 0 ? null : random.pick(seeds)
  return fitting?.kind === kind ? fitting : null
}

/** Damages what was written from `from` on, once or a few times. */
function mutate(from: number, random: Random): void {
  for (let i = random.below(3); i >= 0; i--) {
    const size = sink.at - from
    if (size <= 0) {
      sink.byte(random.below(256))
      continue
    }
    const at = from + random.below(size)
    const end = Math.min(sink.at, at + 1 + random.below(6))
    switch (random.below(7)) {
      case 0:
        sink.bytes[at] = random.below(256)
        break
      case 1:
        sink.bytes[at] = (sink.bytes[at] ?? 0) ^ (1 << random.below(8))
        break
      case 2:
        sink.at = at
        break
      case 3:
        sink.splice(at, end, new Uint8Array(0))
        break
      case 4:
        sink.splice(at, at, Uint8Array.of(random.below(256)))
        break
      case 5:
        sink.splice(at, at, sink.bytes.slice(at, end))
        break
      case 6:
        sink.splice(at, end, Uint8Array.from(random.pick(WORDS)))
        break
    }
  }
}

/** Numbers that lengths and counts lie with. */
const WORDS: readonly (readonly number[])[] = [
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xfe],
  [0x80, 0, 0, 0],
  [0x7f, 0xff, 0xff, 0xff],
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0xff, 0xff],
  [0x7f, 0xff],
  [0, 0],
  [0, 1],
  [0],
]

/** Makes a length say what there is. */
function mendLength(start: number, tagBytes: number): void {
  if (sink.at >= start + tagBytes + 4) sink.int32At(start + tagBytes, sink.at - start - tagBytes)
}

function someCuts(random: Random): readonly number[] {
  const size = sink.at
  if (size === 0 || random.oneIn(4)) return []
  // One byte at a time is the hardest case and the slowest.
  if (size < 200 && random.oneIn(20)) return Array.from({ length: size }, (_, i) => i)
  const cuts = Array.from({ length: 1 + random.below(6) }, () => random.below(size + 1))
  if (random.oneIn(8)) cuts.push(Math.min(size, someSize(random)))
  return cuts.sort((a, b) => a - b)
}
