import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError } from '../config/config-error.ts'
import type { Log } from '../log.ts'
import { after } from '../timer.ts'
import type { WorkerProcess } from './fork-worker.ts'
import type { MetricData, PrimaryMethods } from './methods.ts'
import type { Handlers } from './peer.ts'

/** One place in the crew, and the process that has it now. */
export interface Hand {
  readonly number: number
  process: WorkerProcess | null
  isReady: boolean
  lastBeatMs: number
  notReady: readonly string[]
  /** What it last told of itself. */
  metrics: readonly MetricData[]
}

export interface CrewParts {
  readonly workers: number
  readonly log: Log
  readonly monotonic: () => number
  /** May throw where the system makes no process now. */
  readonly fork: (hand: Hand) => WorkerProcess
  /** Told when a process has ended, before another takes its place. */
  readonly onEnded: (hand: Hand) => void
}

/** A worker whose event loop doesn't turn for so long is stuck (threats O1). */
const BEATLESS_MS_MAX = 5_000
const LOOK_MS = 1_000
const START_MS_MAX = 120_000
const BACK_OFF_MS_MIN = 100
const BACK_OFF_MS_MAX = 10_000
/** A worker that served for so long has nothing to do with how the one before it ended. */
const STEADY_MS = 30_000

/** Keeps as many workers serving as there should be: who ends is replaced, who is stuck is ended. */
export class Crew {
  readonly hands: readonly Hand[]
  readonly #parts: CrewParts
  readonly #starts = new Map<Hand, { readonly ready: () => void; readonly unable: (error: Error) => void }>()
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #stopLooking: () => void = () => undefined
  /** How many ended that nobody told to. */
  losses = 0

  constructor(parts: CrewParts) {
    this.#parts = parts
    this.hands = Array.from({ length: parts.workers }, (_, number) => ({
      number,
      process: null,
      isReady: false,
      lastBeatMs: 0,
      notReady: [],
      metrics: [],
    }))
  }

  /**
   * Starts all of them. The first comes alone: what it makes, such as the key of the recordings, the others find.
   * @throws {ConfigError} what the configuration asks for can't be.
   */
  async start(): Promise<void> {
    const [first, ...others] = this.hands
    if (first !== undefined) await this.#begin(first)
    await Promise.all(others.map(hand => this.#begin(hand)))
    this.#look(this.#parts.monotonic())
  }

  /** What a worker says of itself, for the handlers of its calls. */
  handlersOf(hand: Hand): Pick<Handlers<PrimaryMethods>, 'unable' | 'alive'> {
    return {
      unable: async ({ code, message }) => {
        const error = new ConfigError(code, message)
        this.#parts.log.error({ error, worker: hand.number }, 'a worker can not start')
        this.#starts.get(hand)?.unable(error)
        return null
      },
      alive: async ({ notReady }) => {
        hand.lastBeatMs = this.#parts.monotonic()
        hand.notReady = notReady
        return null
      },
    }
  }

  ready(hand: Hand): void {
    hand.isReady = true
    hand.lastBeatMs = this.#parts.monotonic()
    hand.notReady = []
    this.#starts.get(hand)?.ready()
  }

  /** Has all sessions ended and recordings closed; who is not done in time is ended. */
  async stop(msMax: number): Promise<void> {
    this.#stopping.abort()
    this.#stopLooking()
    for (const { process } of this.hands) process?.peer.call('stop', null).catch(() => undefined)
    const callOff = after(msMax, () => {
      for (const { process } of this.hands) process?.kill()
    })
    await Promise.all(this.#running)
    callOff()
  }

  /** Starts a worker, keeps its place filled from then on, and resolves once it serves. */
  #begin(hand: Hand): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starts.set(hand, { ready: resolve, unable: reject })
      const kept = this.#keep(hand, () => reject(new Error('a worker ended before it served; the log says why')))
      this.#running.add(kept)
      void kept.finally(() => this.#running.delete(kept))
    })
  }

  /** One process after the other, unless already the first never serves. */
  async #keep(hand: Hand, onNeverReady: () => void): Promise<void> {
    const { monotonic, log } = this.#parts
    const { signal } = this.#stopping
    let backOffMs = BACK_OFF_MS_MIN
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const startedMs = monotonic()
      const outcome = await this.#serve(hand)
      if (isFirst && outcome !== 'served') return onNeverReady()
      if (signal.aborted) return
      if (outcome !== 'not-made') this.losses += 1
      const isSteady = outcome === 'served' && monotonic() - startedMs > STEADY_MS
      backOffMs = isSteady ? BACK_OFF_MS_MIN : Math.min(2 * backOffMs, BACK_OFF_MS_MAX)
      log.warn({ worker: hand.number, ms: backOffMs }, 'a worker is missing and is replaced')
      await sleep(backOffMs, undefined, { ref: false, signal }).catch(() => undefined)
    }
  }

  /** One process from its start to its end. */
  async #serve(hand: Hand): Promise<'served' | 'never-ready' | 'not-made'> {
    const { log, onEnded } = this.#parts
    const process = this.#fork(hand)
    if (process === null) return 'not-made'
    hand.process = process
    log.info({ worker: hand.number, pid: process.pid }, 'a worker was started')
    const callOff = after(START_MS_MAX, () => {
      if (!hand.isReady) process.kill()
    })
    const exit = await process.ended
    callOff()
    const wasReady = hand.isReady
    hand.isReady = false
    hand.process = null
    log.info({ worker: hand.number, pid: process.pid, ...(exit === null ? {} : { exit }) }, 'a worker has ended')
    onEnded(hand)
    return wasReady ? 'served' : 'never-ready'
  }

  #fork(hand: Hand): WorkerProcess | null {
    const { fork, log } = this.#parts
    try {
      return fork(hand)
    } catch (error) {
      log.error({ error, worker: hand.number }, 'a worker could not be started')
      return null
    }
  }

  /** Ends who doesn't answer any more. */
  #look(lastMs: number): void {
    this.#stopLooking = after(LOOK_MS, () => {
      const { monotonic, log } = this.#parts
      const nowMs = monotonic()
      // A primary that was held up itself has heard nobody, and must not take that for theirs.
      const wasHeldUp = nowMs - lastMs > 2 * LOOK_MS
      for (const hand of this.hands) {
        if (!hand.isReady) continue
        if (wasHeldUp) hand.lastBeatMs = nowMs
        if (nowMs - hand.lastBeatMs < BEATLESS_MS_MAX) continue
        log.error({ worker: hand.number }, 'a worker is stuck and is ended')
        hand.process?.kill()
      }
      this.#look(nowMs)
    })
  }
}
