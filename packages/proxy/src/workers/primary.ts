import type { ApprovalStore } from '@querywarden/approvals'
import type { Clock, Verifier } from '@querywarden/policy-core'
import { Registry } from 'prom-client'
import { Admission, type Leave } from '../admission.ts'
import { type ApprovalsDesk, openApprovalsDesk } from '../approvals-desk.ts'
import { checkExposure } from '../config/check-exposure.ts'
import { checkMemory } from '../config/check-memory.ts'
import type { Address, Config } from '../config/config.ts'
import { warnOfDescriptors } from '../descriptors.ts'
import { checkFixedKeys } from '../fixed-keys.ts'
import { type FrontDesk, openFrontDesk } from '../front-desk.ts'
import type { Log } from '../log.ts'
import type { LogLevel } from '../log-level.ts'
import { primaryMetrics, reloadMetrics } from '../metrics/gateway-metrics.ts'
import { openVerifier } from '../open-verifier.ts'
import { workerOf } from '../postgres/cancel-keys.ts'
import { readSources, type Sources } from '../sources.ts'
import { Crew, type Hand } from './crew.ts'
import { forkWorker, type WorkerProcess } from './fork-worker.ts'
import { mergedMetrics, retired } from './merge-metrics.ts'
import type { MetricData, PrimaryMethods } from './methods.ts'
import type { Handlers } from './peer.ts'
import { within } from './within.ts'
import { STOP_MS_MORE } from './worker.ts'

/** A gateway whose clients are served by several processes. */
export interface WorkersGateway {
  readonly postgres: Address
  readonly admin: Address
  readonly approvals: ApprovalStore
  /** See `Gateway`: all of it in all workers, or nothing in any. */
  readonly reload: (load: () => Config) => Promise<Config | null>
  readonly stop: () => Promise<void>
}

export interface PrimaryParts {
  readonly env: NodeJS.ProcessEnv
  readonly log: Log
  /** How much the workers log, by a configuration. */
  readonly logLevelOf: (config: Config) => LogLevel
}

const SCHEMA_MS_MAX = 2_000
const METRICS_MS_MAX = 2_000
const PREPARE_MS_MAX = 60_000

/**
 * Starts the workers, and does for them what there is once: the admin API, approvals, the account of sessions, the way of
 * a cancel request to its session, one text of metrics.
 * @throws {ConfigError} what the configuration asks for can't be, or would not be safe.
 */
export async function startWorkers(config: Config, parts: PrimaryParts): Promise<WorkersGateway> {
  checkExposure(config)
  checkMemory(config)
  warnOfDescriptors(config.limits.sessionsMax, parts.log)
  const primary = new Primary(config, parts)
  try {
    await primary.crew.start()
    return await primary.open()
  } catch (error) {
    await primary.crew.stop(STOP_MS_MORE)
    throw error
  }
}

class Primary {
  readonly crew: Crew
  readonly #parts: PrimaryParts
  readonly #clock: Clock = { now: Date.now, monotonic: () => performance.now() }
  readonly #approvals: ApprovalsDesk
  readonly #admission: Admission
  readonly #registry = new Registry()
  readonly #reloaded: ReturnType<typeof reloadMetrics>
  /** Places of sessions, by the worker that has them. */
  readonly #seats = new Map<Hand, Map<number, Leave>>()
  #sources: Sources
  #verify: Verifier
  #postgres: Address
  #seatsGiven = 0
  /** Tells them apart: what one prepares must not be put in force by another. */
  #reloads = 0
  #retired: Promise<readonly MetricData[]> = Promise.resolve([])
  #reloading: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | null = null

  constructor(config: Config, parts: PrimaryParts) {
    this.#parts = parts
    this.#sources = readSources(config)
    this.#verify = openVerifier(config.identity, parts.env, this.#clock)
    this.#postgres = { host: config.listen.postgres.host, port: config.listen.postgres.port }
    this.#approvals = openApprovalsDesk(config.limits, this.#clock)
    this.#admission = new Admission(() => this.#sources.config.limits, this.#clock.monotonic)
    this.#reloaded = reloadMetrics(this.#registry)
    this.crew = new Crew({
      workers: config.workers,
      log: parts.log,
      monotonic: this.#clock.monotonic,
      fork: hand => this.#fork(hand),
      onEnded: hand => this.#onEnded(hand),
    })
    primaryMetrics(this.#registry, {
      ready: () => this.crew.hands.filter(({ isReady }) => isReady).length,
      losses: () => this.crew.losses,
    })
  }

  async open(): Promise<WorkersGateway> {
    const { log } = this.#parts
    const { config } = this.#sources
    const desk = await openFrontDesk(config, {
      store: this.#approvals.store,
      verify: (credential, now) => this.#verify(credential, now),
      now: this.#clock.now,
      log,
      notReady: () => Promise.resolve(this.#notReady()),
      metrics: () => this.#metrics(),
    })
    const postgres = this.#postgres
    const { admin, metrics } = desk
    const targets = config.targets.map(({ name }) => name)
    const listening = metrics === null ? { postgres, admin } : { postgres, admin, metrics }
    log.info({ ...listening, targets, workers: config.workers }, 'querywarden is up')
    return {
      postgres,
      admin,
      approvals: this.#approvals.store,
      reload: load => {
        const turn = this.#reloading.then(() => this.#reload(load))
        this.#reloading = turn
        return turn
      },
      stop: () => {
        this.#stopping ??= this.#stop(desk)
        return this.#stopping
      },
    }
  }

  #fork(hand: Hand): WorkerProcess {
    return forkWorker(this.#handlersOf(hand), this.#parts.log)
  }

  #handlersOf(hand: Hand): Handlers<PrimaryMethods> {
    return {
      ...this.crew.handlersOf(hand),
      assignment: async () => ({
        sources: this.#sources,
        worker: hand.number,
        workers: this.crew.hands.length,
        logLevel: this.#parts.logLevelOf(this.#sources.config),
      }),
      ready: async ({ postgres }) => {
        this.#postgres = postgres
        this.crew.ready(hand)
        return null
      },
      approve: (question, { signal, note }) => this.#approvals.approve(question, signal, note),
      seat: async ({ identity }) => {
        const given = this.#admission.seat(identity)
        if (given.kind === 'refused') return given
        const seat = ++this.#seatsGiven
        this.#seatsOf(hand).set(seat, given.leave)
        return { kind: 'taken', seat }
      },
      leave: async ({ seat }) => {
        this.#seatsOf(hand).get(seat)?.()
        this.#seatsOf(hand).delete(seat)
        return null
      },
      cancel: async request => {
        const whose = this.crew.hands[workerOf(request.processId)]
        if (whose === undefined || whose === hand || !whose.isReady) return false
        return (await whose.process?.peer.call('cancel', request)) ?? false
      },
      schemaChanged: async ({ target }) => {
        const others = this.crew.hands.filter(other => other !== hand && other.isReady)
        const forgotten = others.map(other => other.process?.peer.call('forgetSchema', { target }))
        await within(SCHEMA_MS_MAX, Promise.allSettled(forgotten))
        return null
      },
    }
  }

  #seatsOf(hand: Hand): Map<number, Leave> {
    const seats = this.#seats.get(hand) ?? new Map<number, Leave>()
    this.#seats.set(hand, seats)
    return seats
  }

  #onEnded(hand: Hand): void {
    for (const leave of this.#seatsOf(hand).values()) leave()
    this.#seats.delete(hand)
    const { metrics } = hand
    hand.metrics = []
    this.#retired = this.#retired.then(known => retired([known, metrics]))
  }

  #notReady(): readonly string[] {
    const reasons = this.crew.hands.flatMap(({ number, isReady, notReady }) =>
      isReady ? notReady : [`worker ${number} does not serve yet`],
    )
    return [...new Set(this.#stopping === null ? reasons : ['the gateway is shutting down'])]
  }

  async #metrics(): Promise<string> {
    await Promise.all(
      this.crew.hands.map(async hand => {
        const told = hand.isReady ? hand.process?.peer.call('metrics', null) : undefined
        // Of one that doesn't answer in time, or no more, what it last said counts.
        const metrics = await within(METRICS_MS_MAX, told ?? Promise.resolve(null)).catch(() => null)
        if (metrics !== null && hand.isReady) hand.metrics = metrics
      }),
    )
    const own = await this.#registry.getMetricsAsJSON()
    return mergedMetrics([own, await this.#retired, ...this.crew.hands.map(({ metrics }) => metrics)])
  }

  async #reload(load: () => Config): Promise<Config | null> {
    const { log } = this.#parts
    try {
      const next = load()
      checkExposure(next)
      checkMemory(next)
      checkFixedKeys(this.#sources.config, next)
      const sources = readSources(next)
      const verify = openVerifier(next.identity, this.#parts.env, this.#clock)
      const ready = this.crew.hands.filter(({ isReady }) => isReady)
      const reload = ++this.#reloads
      await this.#prepare(reload, sources, ready)
      this.#sources = sources
      this.#verify = verify
      await this.#commit(reload, ready)
      this.#reloaded('done')
      log.info({ workers: ready.length }, 'the configuration was reloaded')
      return next
    } catch (error) {
      this.#reloaded('refused')
      log.error({ error }, 'the configuration was not reloaded: what was in force stays in force')
      return null
    }
  }

  async #prepare(reload: number, sources: Sources, ready: readonly Hand[]): Promise<void> {
    try {
      const prepared = ready.map(({ process }) => process?.peer.call('prepare', { reload, sources }))
      const done = await within(PREPARE_MS_MAX, Promise.all(prepared))
      if (done === null) throw new Error('a worker took too long to open the configuration')
    } catch (error) {
      for (const { process } of ready) process?.peer.call('discard', { reload }).catch(() => undefined)
      throw error
    }
  }

  /** All can do it by now. Who fails all the same, or was about to start by the old one, starts anew by this one. */
  async #commit(reload: number, ready: readonly Hand[]): Promise<void> {
    const logLevel = this.#parts.logLevelOf(this.#sources.config)
    const restart = (hand: Hand): void => hand.process?.kill()
    for (const hand of this.crew.hands) if (!ready.includes(hand)) restart(hand)
    await Promise.all(
      ready.map(async hand => {
        const told = hand.process?.peer.call('commit', { reload, logLevel }) ?? Promise.resolve(null)
        await told.catch(() => restart(hand))
      }),
    )
  }

  async #stop(desk: FrontDesk): Promise<void> {
    const { log } = this.#parts
    log.info({}, 'querywarden goes down: no new sessions, and those that there are come to an end')
    await this.crew.stop(this.#sources.config.limits.drainMsMax + STOP_MS_MORE)
    desk.close()
    log.info({}, 'querywarden is down')
  }
}
