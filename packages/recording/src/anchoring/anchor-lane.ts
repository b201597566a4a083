import type { Clock } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import type { RandomBytes } from '../format/keys.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import type { Anchor, AnchorState, SignedCheckpoint } from './anchor.ts'
import type { MerkleLog } from './merkle-log.ts'

/** An anchor that has not answered by then has failed this time. */
const TRY_MS_MAX = 30_000
/** Between two tries: twice as long each time, less up to a half by chance, so that gateways don't come in step. */
const PAUSE_MS_MIN = 1_000
const PAUSE_MS_MAX = 30_000
/** How many moments at which the log grew are remembered, to tell since when one of them waits. */
const MARKS_MAX = 1_000
/** From how many sizes a proof can be asked for: the first ones tried in vain, and the last. */
const PINS_MAX = 256

/** What happened to an anchor, a signer or the disk that checkpoints are kept on. */
export type CheckpointEvent =
  /** It worked, and doesn't now. Told once. */
  | { readonly kind: 'failed'; readonly place: string; readonly why: string }
  /** It works again. */
  | { readonly kind: 'recovered'; readonly place: string }
  /** It has been behind for longer than is allowed: sessions and statements are refused until it is not. Told once. */
  | { readonly kind: 'overdue'; readonly place: string; readonly why: string }

export interface LaneOptions {
  readonly tree: MerkleLog
  readonly graceMs: number
  readonly clock: Clock
  readonly sleep: Sleep
  readonly randomBytes: RandomBytes
  readonly report: (event: CheckpointEvent) => void
  /** Keeps a checkpoint with what witnesses signed, beside the log. */
  readonly keepCosigned: (checkpoint: SignedCheckpoint, lines: readonly string[]) => Promise<void>
}

/** Hands checkpoints to one anchor, the newest first and only, until it has kept them. */
export class AnchorLane {
  readonly #anchor: Anchor
  readonly #options: LaneOptions
  /** When the log was seen to have grown to sizes that aren't kept yet, on the monotonic clock. */
  #marks: { readonly size: number; readonly at: number }[] = []
  #keptSize = 0
  #next: { readonly checkpoint: SignedCheckpoint; readonly wasTried: boolean } | null = null
  /** The size kept last, and those tried since: the anchor may have kept one of them, and its answer was lost. */
  #pinned: number[] = []
  #running: Promise<void> | null = null
  #wake: () => void = () => undefined
  #failure: string | null = null
  #failures = 0
  #failuresInRow = 0
  #isOverdue = false
  #isStopped = false

  constructor(anchor: Anchor, options: LaneOptions) {
    this.#anchor = anchor
    this.#options = options
  }

  /** Notes that the log has grown, whether there is a checkpoint of it or not. */
  grew(size: number): void {
    const last = this.#marks.at(-1)?.size ?? this.#keptSize
    if (size > last && this.#marks.length < MARKS_MAX) this.#marks.push({ size, at: this.#options.clock.monotonic() })
  }

  /** Has a checkpoint kept; one that still waits is skipped. Its size has to be pinned while this is called. */
  offer(checkpoint: SignedCheckpoint): void {
    const { tree } = this.#options
    const skipped = this.#next
    if (skipped?.wasTried === true) this.#hold(skipped.checkpoint.size)
    else if (skipped !== null) tree.unpin(skipped.checkpoint.size)
    tree.pin(checkpoint.size)
    this.#next = { checkpoint, wasTried: false }
    this.#running ??= this.#run()
  }

  state(): AnchorState {
    const { clock } = this.#options
    const [oldest] = this.#marks
    return {
      anchor: this.#anchor.name,
      size: this.#keptSize,
      lagMs: oldest === undefined ? 0 : clock.monotonic() - oldest.at,
      failure: this.#failure,
      failures: this.#failures,
    }
  }

  /** Why nothing new may begin, or null. `otherwise` is why there is nothing to keep, where that is what is wrong. */
  overdue(otherwise: string | null): RecordingError | null {
    const { graceMs, clock, report } = this.#options
    const [oldest] = this.#marks
    if (oldest === undefined || clock.monotonic() - oldest.at <= graceMs) return null
    const { anchor, lagMs, failure } = this.state()
    const since = new Date(clock.now() - lagMs).toISOString()
    const why = `anchor ${anchor} is behind since ${since}: ${failure ?? otherwise ?? 'it is slow'}`
    if (!this.#isOverdue) report({ kind: 'overdue', place: anchor, why })
    this.#isOverdue = true
    return new RecordingError(
      'ANCHOR_BEHIND',
      `${why}; it may be for ${Math.round(graceMs / 1_000)} s, and no session opens and no statement begins until it is reached again: see to it, or take it out of the anchors`,
    )
  }

  /** Tries at once what is waiting; resolves when it is kept, or the time is over, and tries no more then. */
  async finish(ms: number): Promise<void> {
    this.#wake()
    if (this.#running !== null) await Promise.race([this.#running, this.#options.sleep(ms)])
    this.#isStopped = true
    this.#wake()
  }

  async #run(): Promise<void> {
    for (;;) {
      const checkpoint = this.#next?.checkpoint
      if (checkpoint === undefined || this.#isStopped) {
        // In the same step: what is offered after this finds that nobody runs.
        this.#running = null
        return
      }
      this.#next = null
      try {
        await this.#keep(checkpoint)
        this.#kept(checkpoint)
      } catch (error) {
        this.#failed(error)
        if (this.#next === null) this.#next = { checkpoint, wasTried: true }
        else this.#hold(checkpoint.size)
        await this.#pause()
      }
    }
  }

  async #keep(checkpoint: SignedCheckpoint): Promise<void> {
    const { tree, sleep, keepCosigned } = this.#options
    const growth = { proofFrom: (size: number) => tree.proof(size, checkpoint.size) }
    const kept = this.#anchor.keep(checkpoint, growth, lines => keepCosigned(checkpoint, lines)).then(() => true)
    if (!(await Promise.race([kept, sleep(TRY_MS_MAX).then(() => false)]))) {
      // Whatever comes of it now, the next try will see.
      kept.catch(() => undefined)
      throw new RecordingError('ANCHOR_FAILED', `no answer within ${TRY_MS_MAX / 1_000} s`)
    }
  }

  #kept({ size }: SignedCheckpoint): void {
    for (const pinned of this.#pinned) this.#options.tree.unpin(pinned)
    this.#pinned = [size]
    this.#keptSize = Math.max(this.#keptSize, size)
    this.#marks = this.#marks.filter(mark => mark.size > size)
    if (this.#failure !== null || this.#isOverdue) {
      this.#options.report({ kind: 'recovered', place: this.#anchor.name })
    }
    this.#failure = null
    this.#isOverdue = false
    this.#failuresInRow = 0
  }

  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : 'unknown error'
    if (this.#failure === null) this.#options.report({ kind: 'failed', place: this.#anchor.name, why })
    this.#failure = why
    this.#failures += 1
    this.#failuresInRow += 1
  }

  /** Keeps the pin of a size that was tried; of very many, those in the middle go. */
  #hold(size: number): void {
    this.#pinned.push(size)
    if (this.#pinned.length <= PINS_MAX) return
    for (const dropped of this.#pinned.splice(PINS_MAX / 2, 1)) this.#options.tree.unpin(dropped)
  }

  async #pause(): Promise<void> {
    const { sleep, randomBytes } = this.#options
    const whole = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(this.#failuresInRow - 1, 10))
    const chance = (randomBytes(1)[0] ?? 0) / 256
    const woken = new Promise<void>(resolve => {
      this.#wake = resolve
    })
    await Promise.race([sleep(whole * (1 - chance / 2)), woken])
    this.#wake = () => undefined
  }
}
