import type { Seed } from './corpus.ts'
import type { Block } from './coverage.ts'
import type { Finding } from './fuzz.ts'
import { type Direction, type Trial, tryLaws } from './laws.ts'
import { seededRandom } from './random.ts'
import type { Subject } from './subject.ts'
import { makeTrial } from './trials.ts'

/** What scouting is given. */
export interface ScoutOptions {
  readonly subject: Subject
  readonly seed: number
  readonly directions: readonly Direction[]
  readonly seeds: readonly Seed[]
  /** The blocks that ran since it was called last. */
  readonly takeBlocks: () => ReadonlySet<Block>
  /** Give up after so many batches of each side that reached nothing new. */
  readonly idleBatchesMax: number
  /** And after so many in all. A clock would make each run another one. */
  readonly batchesMax: number
  readonly onTrial?: (trial: Trial) => void
}

/** What scouting brought back. */
export interface Scouted {
  /** Bytes that were the first to reach some block, to make others of. */
  readonly kept: readonly Seed[]
  readonly blocks: number
  readonly finding: Finding | null
}

const BATCH_TRIALS = 256
const ignore = (): void => undefined

/**
 * Looks for bytes that reach code which none before them did. Counting blocks makes code slow, so this is done first and
 * for a while; the many messages after it are made of what it found.
 */
export function scout(options: ScoutOptions): Scouted {
  const seen = new Set(options.takeBlocks())
  const kept: Seed[] = []
  for (const direction of options.directions) {
    const random = seededRandom(options.seed ^ 0x2545_f491 ^ direction.length)
    for (let idle = 0, batch = 0; idle < options.idleBatchesMax && batch < options.batchesMax; idle++, batch++) {
      const trials = Array.from({ length: BATCH_TRIALS }, () =>
        copied(makeTrial(direction, random, [...options.seeds, ...kept])),
      )
      const finding = tryAll(options, trials)
      if (finding !== null) return { kept, blocks: seen.size, finding }
      const fresh = difference(options.takeBlocks(), seen)
      if (fresh.size > 0) idle = 0
      for (const trial of firstsToReach(options, trials, fresh)) {
        kept.push({ kind: trial.kind, source: 'scouted', bytes: trial.bytes, isSound: false })
      }
      for (const block of fresh) seen.add(block)
    }
  }
  return { kept, blocks: seen.size, finding: null }
}

function tryAll({ subject, onTrial }: ScoutOptions, trials: readonly Trial[]): Finding | null {
  for (const trial of trials) {
    onTrial?.(trial)
    const broken = tryLaws(subject, trial, ignore)
    if (broken !== null) return { broken, trial }
  }
  return null
}

/** Few trials that together reach all of these blocks, each found by halving. */
function firstsToReach(options: ScoutOptions, trials: readonly Trial[], fresh: ReadonlySet<Block>): Trial[] {
  const wanted = new Set(fresh)
  const found: Trial[] = []
  while (wanted.size > 0) {
    let among = trials
    while (among.length > 1) {
      const half = among.slice(0, Math.ceil(among.length / 2))
      among = reaches(options, half, wanted) ? half : among.slice(half.length)
    }
    const [trial] = among
    // Some blocks run once only, as a first call does: nothing reaches them again.
    if (trial === undefined || !reaches(options, [trial], wanted)) return found
    found.push(trial)
    tryAll(options, [trial])
    for (const block of options.takeBlocks()) wanted.delete(block)
  }
  return found
}

function reaches(options: ScoutOptions, trials: readonly Trial[], wanted: ReadonlySet<Block>): boolean {
  options.takeBlocks()
  tryAll(options, trials)
  return [...options.takeBlocks()].some(block => wanted.has(block))
}

const copied = (trial: Trial): Trial => ({ ...trial, bytes: trial.bytes.slice() })

const difference = <T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> => new Set([...a].filter(each => !b.has(each)))
