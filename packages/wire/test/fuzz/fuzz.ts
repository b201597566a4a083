import type { Seed } from './corpus.ts'
import { type Broken, type Direction, type Trial, tryLaws } from './laws.ts'
import { seededRandom } from './random.ts'
import type { Subject } from './subject.ts'
import { makeTrial } from './trials.ts'

/** How long to go on, and from where. */
export interface FuzzOptions {
  readonly subject: Subject
  readonly seed: number
  readonly directions: readonly Direction[]
  readonly seeds: readonly Seed[]
  /** Stop when each side has had so many messages. */
  readonly messagesMax: number
  /** Asked between batches: whether to go on. It is given the count so far. */
  readonly onBatch?: (progress: Progress) => boolean
  /** Told of each trial before it is made, so that one that never ends or ends everything is known. */
  readonly onTrial?: (trial: Trial) => void
}

/** Verdicts so far. */
export interface Progress {
  readonly messages: Readonly<Record<Direction, number>>
  /** By side and tag, -1 for start-up packets: how many were accepted and refused. */
  readonly verdicts: Readonly<Record<Direction, ReadonlyMap<number, readonly [accepted: number, refused: number]>>>
}

/** A trial that broke a law. Its bytes are its own. */
export interface Finding {
  readonly broken: Broken
  readonly trial: Trial
}

export interface FuzzResult extends Progress {
  readonly finding: Finding | null
}

const BATCH_TRIALS = 64

/** Tries laws on messages that a seed fixes, side by side for each direction, until one is broken or all is done. */
export function fuzz(options: FuzzOptions): FuzzResult {
  const { subject, seed, directions, seeds, messagesMax } = options
  const messages = { frontend: 0, backend: 0 }
  const verdicts = { frontend: new Map<number, [number, number]>(), backend: new Map<number, [number, number]>() }
  const randoms = { frontend: seededRandom(seed), backend: seededRandom(seed ^ 0x5bd1_e995) }
  const tally = (direction: Direction) => (tag: number, isAccepted: boolean) => {
    messages[direction] += 1
    const counts = verdicts[direction].get(tag) ?? [0, 0]
    counts[isAccepted ? 0 : 1] += 1
    verdicts[direction].set(tag, counts)
  }
  const tallies = { frontend: tally('frontend'), backend: tally('backend') }
  for (;;) {
    const open = directions.filter(direction => messages[direction] < messagesMax)
    for (const direction of open) {
      for (let i = 0; i < BATCH_TRIALS; i++) {
        const trial = makeTrial(direction, randoms[direction], seeds)
        options.onTrial?.(trial)
        const broken = tryLaws(subject, trial, tallies[direction])
        if (broken === null) continue
        return { messages, verdicts, finding: { broken, trial: { ...trial, bytes: trial.bytes.slice() } } }
      }
    }
    const goesOn = options.onBatch?.({ messages, verdicts }) ?? true
    if (open.length === 0 || !goesOn) return { messages, verdicts, finding: null }
  }
}
