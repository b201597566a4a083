import { readdirSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import type { AnchorState } from '@querywarden/recording'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { LoopDelay } from '../loop-delay.ts'
import { residentBytes } from '../resident-bytes.ts'
import { VERSION } from '../version.ts'
import { type Tally, tallyFamily } from './tally.ts'

/** What a gateway tells of itself beside its statements. */
export interface GatewayMetrics {
  /** Counts a connection that did not become a session. */
  readonly refused: (sqlstate: string | null) => void
  /** Counts an idle session that was closed because memory ran out. */
  readonly evicted: Tally
}

export interface GatewayState {
  /** By target: how old what is known of its schema is; null where nothing is. */
  readonly schemaAgesMs: () => ReadonlyMap<string, number | null>
  /** Whether new sessions are turned away for now. */
  readonly isShedding: () => boolean
  readonly memoryBytesMax: () => number
  readonly loop: LoopDelay
  /** How far what is recorded is vouched for outside. */
  readonly anchors: () => readonly AnchorState[]
}

/** Why a connection did not become a session, by the SQLSTATE that it was given. */
const REASONS: ReadonlyMap<string | null, string> = new Map([
  [null, 'left'],
  ['28000', 'identity'],
  ['3D000', 'no-target'],
  ['53300', 'full'],
  ['57P03', 'stopping'],
  ['08006', 'database'],
  ['08P01', 'protocol'],
  ['0A000', 'unsupported'],
  ['58000', 'internal'],
])

export function gatewayMetrics(registry: Registry, state: GatewayState): GatewayMetrics {
  stateMetrics(registry, state)
  anchorMetrics(registry, state.anchors)
  processMetrics(registry)
  const refusals = tallyFamily({
    registry,
    name: 'querywarden_sessions_refused_total',
    help: 'Connections that did not become a session, by why.',
    labelNames: ['reason'],
    seriesMax: REASONS.size + 1,
  })
  for (const reason of REASONS.values()) refusals.of({ reason })
  return {
    refused: sqlstate => {
      refusals.of({ reason: REASONS.get(sqlstate) ?? 'other' }).n += 1
    },
    evicted: tallyFamily({
      registry,
      name: 'querywarden_sessions_evicted_total',
      help: 'Idle sessions closed because memory ran out.',
      labelNames: [],
      seriesMax: 1,
    }).of({}),
  }
}

/** Counts reloads. One registry of a gateway has this, however many processes serve. */
export function reloadMetrics(registry: Registry): (result: 'done' | 'refused') => void {
  const reloads = tallyFamily({
    registry,
    name: 'querywarden_reloads_total',
    help: 'Reloads of the configuration, by result. One that is refused changes nothing.',
    labelNames: ['result'],
    seriesMax: 2,
  })
  const loadedAt = new Gauge({
    name: 'querywarden_configuration_loaded_timestamp_seconds',
    help: 'When the configuration that is in force was loaded.',
    registers: [registry],
  })
  loadedAt.setToCurrentTime()
  const counts = { done: reloads.of({ result: 'done' }), refused: reloads.of({ result: 'refused' }) }
  return result => {
    counts[result].n += 1
    if (result === 'done') loadedAt.setToCurrentTime()
  }
}

/** What the primary of several workers tells beside theirs. */
export function primaryMetrics(
  registry: Registry,
  crew: { readonly ready: () => number; readonly losses: () => number },
): void {
  const registers = [registry]
  new Gauge({
    name: 'querywarden_workers_ready',
    help: 'Workers that serve.',
    registers,
    collect() {
      this.set(crew.ready())
    },
  })
  new Counter({
    name: 'querywarden_workers_lost_total',
    help: 'Workers that ended though nobody told them to, and were replaced.',
    registers,
    collect() {
      this.reset()
      this.inc(crew.losses())
    },
  })
}

function stateMetrics(registry: Registry, { schemaAgesMs, isShedding, memoryBytesMax, loop }: GatewayState): void {
  const registers = [registry]
  new Gauge({
    name: 'querywarden_build_info',
    help: 'The version of querywarden and of Node.',
    labelNames: ['version', 'node'],
    registers,
    aggregator: 'max',
  }).set({ version: VERSION, node: process.version }, 1)
  new Gauge({
    name: 'querywarden_catalog_age_seconds',
    help: 'How old what is known of a target’s schema is; absent where nothing is known yet.',
    labelNames: ['target'],
    registers,
    aggregator: 'max',
    collect() {
      this.reset()
      for (const [target, ageMs] of schemaAgesMs()) if (ageMs !== null) this.set({ target }, ageMs / 1_000)
    },
  })
  new Gauge({
    name: 'querywarden_event_loop_delay_seconds',
    help: 'How late the event loop was within the last ten seconds.',
    labelNames: ['quantile'],
    registers,
    aggregator: 'max',
    collect() {
      const { p50Ms, p99Ms, maxMs } = loop.recent()
      for (const [quantile, ms] of Object.entries({ '0.5': p50Ms, '0.99': p99Ms, '1': maxMs }))
        this.set({ quantile }, ms / 1_000)
    },
  })
  gauge(registry, 'querywarden_shedding', 'Processes that turn new sessions away for now.', () =>
    isShedding() ? 1 : 0,
  )
  gauge(registry, 'querywarden_memory_limit_bytes', 'The memory to use before sessions are shed.', memoryBytesMax)
}

function anchorMetrics(registry: Registry, anchors: GatewayState['anchors']): void {
  const [registers, labelNames] = [[registry], ['anchor'] as const]
  new Gauge({
    name: 'querywarden_anchor_lag_seconds',
    help: 'For how long the oldest of what was recorded has waited to be vouched for at an anchor.',
    labelNames,
    registers,
    aggregator: 'max',
    collect() {
      for (const { anchor, lagMs } of anchors()) this.set({ anchor }, lagMs / 1_000)
    },
  })
  new Gauge({
    name: 'querywarden_anchored_entries',
    help: 'Entries of the instance logs being written that are vouched for at an anchor.',
    labelNames,
    registers,
    aggregator: 'sum',
    collect() {
      for (const { anchor, size } of anchors()) this.set({ anchor }, size)
    },
  })
  new Counter({
    name: 'querywarden_anchor_failures_total',
    help: 'Checkpoints that an anchor did not keep when it was asked to.',
    labelNames,
    registers,
    collect() {
      this.reset()
      for (const { anchor, failures } of anchors()) this.inc({ anchor }, failures)
    },
  })
}

/** Under the names that Prometheus clients give them. None may throw without a descriptor to spare: no metric would come. */
function processMetrics(registry: Registry): void {
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time.',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  const startedAt = Date.now() / 1_000 - process.uptime()
  gauge(registry, 'process_resident_memory_bytes', 'Resident memory.', residentBytes)
  gauge(registry, 'process_start_time_seconds', 'When the process was started.', () => startedAt, 'min')
  gauge(registry, 'process_open_fds', 'Open file descriptors.', openDescriptors)
  gauge(registry, 'nodejs_heap_size_used_bytes', 'Heap in use.', () => getHeapStatistics().used_heap_size)
  gauge(
    registry,
    'nodejs_external_memory_bytes',
    'Memory of buffers outside the heap.',
    () => getHeapStatistics().external_memory,
  )
}

/** A gauge that is read when somebody looks. */
function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number,
  aggregator: 'sum' | 'min' = 'sum',
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    aggregator,
    collect() {
      this.set(read())
    },
  })
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0 // no such place on this system
  }
}
