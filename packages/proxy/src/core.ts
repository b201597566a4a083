import {
  type Approver,
  type Clock,
  type Masking,
  openGate,
  recommendedLimits,
  type Target,
} from '@querywarden/policy-core'
import type { FileRecorder, RecoveryReport } from '@querywarden/recording'
import {
  DEFAULT_LIMITS,
  DEFAULT_THREAD_LIMITS,
  type GuardedClassifier,
  guardedClassifier,
  MAJORS,
} from '@querywarden/sql/postgres'
import type { Registry } from 'prom-client'
import { uuidv7 } from 'uuidv7'
import { accountForSettings } from './account-settings.ts'
import { Admission, type AdmissionLimits } from './admission.ts'
import { alarming } from './alarm.ts'
import { listenOn } from './bind.ts'
import type { Address, ProxyLimits } from './config/config.ts'
import { type Connections, takeConnections } from './connections.ts'
import type { Fellows } from './fellows.ts'
import { checkFixedKeys } from './fixed-keys.ts'
import { type InForce, prepareInForce, type Surroundings } from './in-force.ts'
import { type Keeping, keepRecordings } from './keep-recordings.ts'
import type { Log } from './log.ts'
import { watchLoopDelay } from './loop-delay.ts'
import { gatewayMetrics } from './metrics/gateway-metrics.ts'
import { measured } from './metrics/measured.ts'
import { openObjectStore } from './open-object-store.ts'
import { openRecorder } from './open-recorder.ts'
import { openStreams, type Streams } from './open-streams.ts'
import { type CancelKey, CancelKeys } from './postgres/cancel-keys.ts'
import { type SplitText, textSplitter } from './postgres/split-text.ts'
import { whyNotReady } from './readiness.ts'
import type { Service } from './service.ts'
import type { Sources } from './sources.ts'
import type { TargetService } from './target-service.ts'
import { memoryInUse, memoryOfMachine, startWatchdog } from './watchdog.ts'

/** What serves database clients: all of a gateway but its admin API and the people behind it. */
export interface Core {
  /** Where it really listens: port 0 in the configuration means any free port. */
  readonly postgres: Address
  readonly recovery: RecoveryReport
  /** What is in force now. */
  readonly inForce: () => InForce
  /** Why no sessions are taken; empty where they are. */
  readonly notReady: () => Promise<readonly string[]>
  /** Reads every target's schema again. */
  readonly refreshSchemas: () => Promise<void>
  /**
   * Opens all that another configuration asks for. Nothing changes until the function that it gives is called; then
   * everything does at once.
   * @throws {ConfigError} it can't be, would not be safe, or changes what can't be changed.
   */
  readonly prepare: (next: Sources) => Promise<() => void>
  /** Cancels what a session of this process runs, if the key is right; gives whether it was. */
  readonly cancel: (request: CancelKey) => boolean
  /** As prom-client gives them in JSON. */
  readonly metrics: () => Promise<readonly object[]>
  /** Decides no more by a target's schema as it was. */
  readonly forgetSchema: (target: string) => void
  /** Takes no more connections, ends the sessions, closes their recordings. */
  readonly stop: () => Promise<void>
}

export interface CoreParts {
  readonly env: NodeJS.ProcessEnv
  readonly log: Log
  readonly clock: Clock
  readonly approve: Approver
  /** Where its metrics go; one core a registry. */
  readonly registry: Registry
  readonly fellows: Fellows
}

/** @throws {ConfigError} what the configuration asks for can't be, or would not be safe. */
export async function openCore(sources: Sources, parts: CoreParts): Promise<Core> {
  const { env, log, clock, fellows } = parts
  const { schemaChanged } = fellows
  const surroundings: Surroundings = { env, log, clock, schemaChanged, policy: () => inForce.policy.policy }
  let inForce = await prepareInForce(sources, null, surroundings)
  const { recording } = sources.config
  const store = recording.upload === null ? null : openObjectStore(recording.upload.s3, env)
  const streams = openStreams(recording.stream, { env, clock, registry: parts.registry })
  const recorder = await openRecorder(recording, env, clock, log, streams.onEntry)
  logRecovery(recorder.recovery, log)
  await accountForSettings(recorder, inForce)
  const loop = watchLoopDelay()
  const admission = new Admission(() => shareOf(inForce.config.limits, fellows.workers), clock.monotonic)
  const memoryBytesMax = (): number => (inForce.config.limits.memoryBytesMax ?? memoryOfMachine()) / fellows.workers
  const metrics = gatewayMetrics(parts.registry, {
    schemaAgesMs: () => new Map([...inForce.targets].map(([name, target]) => [name, target.schemaAgeMs()])),
    isShedding: () => admission.shedding !== null,
    memoryBytesMax,
    loop,
    anchors: recorder.anchors,
  })
  const shared = { ...parts, inForce: () => inForce, recorder, admission, metrics }
  const sql = await openReading(inForce.config.limits)
  const keeping = keepRecordings({ config: recording, recorder, store, clock, log, registry: parts.registry })
  const { service, measurements } = await openService({ ...shared, sql })
  const connections = takeConnections(service)
  const postgres = await listen(connections, inForce.config.listen.postgres, log).catch(async (error: unknown) => {
    loop.stop()
    await Promise.all([sql.close(), keeping.stop()])
    await recorder.close()
    await streams.stop()
    throw error
  })
  const stopWatching = watch({ ...shared, connections, memoryBytesMax })
  return {
    postgres,
    recovery: recorder.recovery,
    inForce: () => inForce,
    notReady: () =>
      whyNotReady({ ...inForce, admission, measurements, monotonic: clock.monotonic, anchors: recorder.anchors }),
    refreshSchemas: async () => {
      await Promise.all([...inForce.targets.values()].map(target => target.refresh()))
    },
    prepare: async next => {
      checkFixedKeys(inForce.config, next.config)
      const prepared = await prepareInForce(next, inForce, surroundings)
      return () => {
        inForce = prepared
        void accountForSettings(recorder, prepared).catch(() => undefined)
      }
    },
    metrics: () => parts.registry.getMetricsAsJSON(),
    cancel: request => service.cancelKeys.redeemHere(request),
    forgetSchema: target => forgetSchema(inForce, target),
    stop: () => stop({ ...shared, connections, loop, stopWatching, sql, keeping, streams }),
  }
}

function forgetSchema({ targets }: InForce, target: string): void {
  // Who needs it next waits for the new one, and is refused where there is none.
  const forgotten = targets.get(target)?.forget()
  forgotten?.catch(() => undefined)
}

async function listen({ server }: Connections, address: Address, log: Log): Promise<Address> {
  const bound = await listenOn(server, address, 'listen.postgres')
  // Without a listener one failed accept, for want of descriptors say, would end the gateway and every session.
  server.on('error', error => log.error({ error }, 'the postgres listener failed'))
  return bound
}

const watch = (
  parts: Pick<ServiceParts, 'inForce' | 'admission' | 'metrics' | 'log'> & {
    readonly connections: Connections
    readonly memoryBytesMax: () => number
  },
): (() => void) =>
  startWatchdog({
    lagMsMax: () => parts.inForce().config.limits.lagMsMax,
    memory: () => memoryInUse(parts.memoryBytesMax()),
    shed: reason => parts.admission.shed(reason),
    idleSessions: parts.connections.idleSessions,
    onEvicted: sessions => {
      parts.metrics.evicted.n += sessions
    },
    log: parts.log,
  })

async function stop(parts: {
  readonly inForce: () => InForce
  readonly connections: Connections
  readonly recorder: FileRecorder
  readonly loop: { readonly stop: () => void }
  readonly stopWatching: () => void
  readonly sql: GuardedClassifier
  readonly keeping: Keeping
  readonly streams: Streams
}): Promise<void> {
  await parts.connections.stop()
  for (const target of parts.inForce().targets.values()) target.close()
  await parts.sql.close()
  parts.stopWatching()
  parts.loop.stop()
  await parts.keeping.stop()
  await parts.recorder.close()
  await parts.keeping.finish()
  await parts.streams.stop()
}

interface ServiceParts extends CoreParts {
  readonly inForce: () => InForce
  readonly recorder: FileRecorder
  readonly admission: Admission
  readonly metrics: ReturnType<typeof gatewayMetrics>
}

/** Texts of clients are read by this, and by nothing else. */
const openReading = ({ readMsMax, readingThreadsMax }: ProxyLimits): Promise<GuardedClassifier> =>
  guardedClassifier({
    majors: MAJORS,
    cacheEntriesMax: 4_096,
    limits: DEFAULT_LIMITS,
    threads: { ...DEFAULT_THREAD_LIMITS, readMsMax, threadsMax: readingThreadsMax },
  })

async function openService(
  parts: ServiceParts & { readonly sql: GuardedClassifier },
): Promise<{ readonly service: Service; readonly measurements: ReturnType<typeof measured>['measurements'] }> {
  const { inForce, clock, log, registry, admission, metrics, fellows, sql } = parts
  const { hooks, measurements } = measured(
    {
      policy: () => inForce().policy,
      classify: sql.classify,
      rewrite: sql.rewrite,
      approve: parts.approve,
      record: alarming(parts.recorder.record, log),
    },
    { registry, monotonic: clock.monotonic },
  )
  const planners: Service['planners'] = new Map()
  const gate = openGate({
    ...hooks,
    mask: maskingOf(inForce),
    catalog: catalogOf(inForce),
    clock,
    limits: recommendedLimits,
    estimate: async (statement, { session }) => (await planners.get(session)?.estimate(statement)) ?? null,
  })
  const splitters = new Map<number, SplitText>(
    MAJORS.map(major => [major, textSplitter((text, asker) => sql.split(text, major, asker), SPLIT_MEMORY)]),
  )
  const service: Service = {
    gate,
    get verify() {
      return inForce().verify
    },
    get targets() {
      return inForce().targets
    },
    get clientTls() {
      return inForce().clientTls
    },
    get limits() {
      return inForce().config.limits
    },
    split: major => splitters.get(major) ?? unreadable,
    cancelKeys: new CancelKeys({ worker: fellows.worker, elsewhere: fellows.cancel }),
    seat: seating(admission, fellows),
    clock,
    log,
    newId: uuidv7,
    live: new Set(),
    planners,
    admission,
    onRefused: metrics.refused,
  }
  return { service, measurements }
}

const maskingOf = (inForce: () => InForce): Masking => ({
  sql: (...column) => inForce().mask.sql(...column),
  rows: (...result) => inForce().mask.rows(...result),
  get frames() {
    return inForce().mask.frames
  },
  get copy() {
    return inForce().mask.copy
  },
})

/** Connections come to each process in turn, so each counts a part of what an address may get wrong. */
const shareOf = (limits: AdmissionLimits, workers: number): AdmissionLimits => ({
  sessionsMax: limits.sessionsMax,
  sessionsPerIdentityMax: limits.sessionsPerIdentityMax,
  failedLoginsPerMinuteMax: Math.ceil(limits.failedLoginsPerMinuteMax / workers),
  failedCancelsPerMinuteMax: Math.ceil(limits.failedCancelsPerMinuteMax / workers),
})

/** A place is one here and one among all. */
const seating =
  (admission: Admission, fellows: Fellows): Service['seat'] =>
  async identity => {
    const own = admission.seat(identity)
    if (own.kind === 'refused') return own
    try {
      const shared = await fellows.seat(identity)
      if (shared.kind === 'taken') {
        const leave = (): void => {
          own.leave()
          shared.leave()
        }
        return { kind: 'taken', leave }
      }
      own.leave()
      return shared
    } catch (error) {
      own.leave()
      throw error
    }
  }

/**
 * The schema of the target that a session was opened on. A reload may put another database under the same name: open
 * sessions are still on the old one, and must be judged by its schema.
 */
function catalogOf(inForce: () => InForce): (target: Target) => ReturnType<TargetService['catalog']> {
  const opened = new WeakMap<Target, TargetService>()
  return target => {
    const known = opened.get(target)
    if (known !== undefined) return known.catalog()
    const current = inForce().targets.get(target.name)
    if (current === undefined || current.target !== target) return Promise.reject(new Error('no such target'))
    opened.set(target, current)
    return current.catalog()
  }
}

/** Whoever starts the gateway after a crash should not have to look for what it cost. */
function logRecovery({ recovered, left, missing, tornTails }: RecoveryReport, log: Log): void {
  for (const { recording, frames, discardedBytes } of recovered)
    log.warn({ recording, frames, discardedBytes }, 'an earlier process left this recording open; it is sealed now')
  for (const { place, why } of left) {
    if (why.startsWith('its boot is')) log.debug({ place, why }, 'these recordings are left to whoever writes them')
    else log.warn({ place, why }, 'this part of the recordings could not be recovered')
  }
  for (const recording of missing)
    log.error({ recording }, 'the instance log knows this recording and its file is gone')
  for (const place of tornTails)
    log.warn({ place }, 'the end of an earlier process is torn: reads it let run last may be missing from recordings')
}

const SPLIT_MEMORY = { entriesMax: 2_048, charsMax: 4_096 }

/** A server whose grammar isn't there: nothing it would run can be read. */
const unreadable: SplitText = () => null
