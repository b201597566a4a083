import type {
  Approver,
  Classifier,
  Completion,
  Entry,
  GateOptions,
  PolicySource,
  Recorder,
  Rewriter,
  SessionRecorder,
} from '@querywarden/policy-core'
import { Gauge, type Registry } from 'prom-client'
import { DurationHistogram, type Durations, FAST_BUCKETS, SLOW_BUCKETS } from './duration-histogram.ts'
import { type ByOutcome, type StatementTallies, statementTallies } from './statement-tallies.ts'
import { type Tally, type TallyFamily, tallyFamily } from './tally.ts'

/** The hooks of a gate that tell how it fares. */
export type MeasurableHooks = Pick<GateOptions, 'classify' | 'rewrite' | 'approve' | 'record'> & {
  readonly policy: PolicySource
}

export interface MeasureOptions {
  /** Where the metrics go; one gate a registry. */
  readonly registry: Registry
  /** Milliseconds on a clock that never goes back. */
  readonly monotonic: () => number
}

/** What the hooks show beside metrics. */
export interface Measurements {
  /** For how long the recorder has had entries to write and has written none, in milliseconds. */
  readonly recorderStalledMs: () => number
  /** When the last session could not be recorded, on the monotonic clock, unless one could since. */
  readonly recordingFailedAtMs: () => number | null
}

/**
 * Puts measuring around a gate's hooks: what goes in and comes out is the same. Labels are bounded: effects, decisions,
 * outcomes, rule ids, targets; never who asks or what.
 *
 * @example
 * const registry = new Registry()
 * const { hooks } = measured({ policy: () => policy, classify, rewrite, approve, record }, { registry, monotonic })
 * const gate = openGate({ ...others, ...hooks })
 * response.end(await registry.metrics())
 */
export function measured(
  hooks: MeasurableHooks,
  options: MeasureOptions,
): { readonly hooks: MeasurableHooks; readonly measurements: Measurements } {
  const { registry, monotonic } = options
  const stages = new DurationHistogram({
    registry,
    name: 'querywarden_stage_seconds',
    help: 'How long the stages of a statement take. classify and rewrite count what was not remembered.',
    label: 'stage',
    buckets: FAST_BUCKETS,
  })
  const statements = statementTallies(registry)
  const recording = measuredRecorder(hooks.record, { options, stages, statements })
  return {
    hooks: {
      policy: measuredPolicy(hooks.policy, registry, statements),
      classify: measuredClassifier(hooks.classify, stages.of('classify'), monotonic),
      rewrite: measuredRewriter(hooks.rewrite, stages.of('rewrite'), monotonic),
      approve: measuredApprover(hooks.approve, options),
      record: recording.record,
    },
    measurements: recording.measurements,
  }
}

function measuredPolicy(source: PolicySource, registry: Registry, statements: StatementTallies): PolicySource {
  const look = (): ReturnType<PolicySource> => {
    const policy = source()
    statements.knowRules(policy.policy.rules.map(({ id }) => id))
    return policy
  }
  look()
  new Gauge({
    name: 'querywarden_policy_info',
    help: 'The policy in force, by the version that recordings carry.',
    labelNames: ['version'],
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.reset()
      this.set({ version: look().version }, 1)
    },
  })
  return source
}

const measuredClassifier =
  (classify: Classifier, durations: Durations, monotonic: () => number): Classifier =>
  (statement, catalog, asker) => {
    const startedMs = monotonic()
    const facts = classify(statement, catalog, asker)
    if (facts instanceof Promise) void facts.then(() => durations.observeMs(monotonic() - startedMs))
    else durations.observeMs(monotonic() - startedMs)
    return facts
  }

const measuredRewriter =
  (rewrite: Rewriter, durations: Durations, monotonic: () => number): Rewriter =>
  (statement, facts, masks, maskSql, catalog, asker) => {
    const startedMs = monotonic()
    const rewriting = rewrite(statement, facts, masks, maskSql, catalog, asker)
    if (rewriting instanceof Promise) void rewriting.then(() => durations.observeMs(monotonic() - startedMs))
    else durations.observeMs(monotonic() - startedMs)
    return rewriting
  }

function measuredApprover(approve: Approver, { registry, monotonic }: MeasureOptions): Approver {
  const waiting = { n: 0 }
  new Gauge({
    name: 'querywarden_approvals_waiting',
    help: 'Statements that wait for a person now.',
    registers: [registry],
    collect() {
      this.set(waiting.n)
    },
  })
  const waits = new DurationHistogram({
    registry,
    name: 'querywarden_approval_wait_seconds',
    help: 'How long statements waited for a person, by what came of it.',
    label: 'answer',
    buckets: SLOW_BUCKETS,
  })
  return async (question, signal, onPending) => {
    const startedMs = monotonic()
    let answer = 'failed'
    waiting.n += 1
    try {
      const given = await approve(question, signal, onPending)
      answer = given.kind
      return given
    } finally {
      waiting.n -= 1
      waits.of(answer).observeMs(monotonic() - startedMs)
    }
  }
}

interface RecorderParts {
  readonly options: MeasureOptions
  readonly stages: DurationHistogram
  readonly statements: StatementTallies
}

function measuredRecorder(
  record: Recorder,
  parts: RecorderParts,
): { readonly record: Recorder; readonly measurements: Measurements } {
  const { registry, monotonic } = parts.options
  const sessions = sessionTallies(registry)
  const progress = { waiting: 0, sinceMs: 0 }
  const failures = tallyFamily({
    registry,
    name: 'querywarden_recorder_failures_total',
    help: 'What could not be recorded: a session that did not open, an entry, a close.',
    labelNames: ['step'],
    seriesMax: 3,
  })
  const incidents = incidentTallies(registry)
  const failed = { open: failures.of({ step: 'open' }), append: failures.of({ step: 'append' }) }
  const failedClose = failures.of({ step: 'close' })
  const recorderStalledMs = (): number => (progress.waiting === 0 ? 0 : monotonic() - progress.sinceMs)
  new Gauge({
    name: 'querywarden_recorder_stalled_seconds',
    help: 'For how long the recorder has had entries to write and has written none.',
    registers: [registry],
    aggregator: 'max',
    collect() {
      this.set(recorderStalledMs() / 1_000)
    },
  })
  let failedAtMs: number | null = null
  const context = { ...parts, progress, incidents, failed: failed.append }
  return {
    measurements: { recorderStalledMs, recordingFailedAtMs: () => failedAtMs },
    record: async opening => {
      let recorder: SessionRecorder
      try {
        recorder = await record(opening)
        failedAtMs = null
      } catch (error) {
        failed.open.n += 1
        failedAtMs = monotonic()
        throw error
      }
      const leave = sessions.enter(opening.target.name)
      return {
        append: measuredAppend(recorder.append, context),
        close: async reason => {
          leave(reason)
          try {
            await recorder.close(reason)
          } catch (error) {
            failedClose.n += 1
            throw error
          }
        },
      }
    },
  }
}

function sessionTallies(registry: Registry): { readonly enter: (target: string) => (reason: string) => void } {
  const opened = tallyFamily({
    registry,
    name: 'querywarden_sessions_opened_total',
    help: 'Sessions opened, by target.',
    labelNames: ['target'],
    seriesMax: TARGETS_MAX,
  })
  const closed = tallyFamily({
    registry,
    name: 'querywarden_sessions_closed_total',
    help: 'Sessions closed, by why.',
    labelNames: ['reason'],
    seriesMax: 32,
  })
  const open = new Map<string, Tally>()
  new Gauge({
    name: 'querywarden_sessions_open',
    help: 'Sessions open now, by target.',
    labelNames: ['target'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [target, { n }] of open) this.set({ target }, n)
    },
  })
  return {
    enter: target => {
      const here = open.get(target) ?? { n: 0 }
      open.set(target, here)
      opened.of({ target }).n += 1
      here.n += 1
      let isOver = false
      return reason => {
        if (isOver) return
        isOver = true
        here.n -= 1
        closed.of({ reason }).n += 1
      }
    },
  }
}

function incidentTallies(registry: Registry): TallyFamily<'code'> {
  const incidents = tallyFamily({
    registry,
    name: 'querywarden_incidents_total',
    help: 'What must never happen, or that an operator should look at, by its code.',
    labelNames: ['code'],
    seriesMax: 32,
  })
  for (const code of ALARMING) incidents.of({ code })
  return incidents
}

const TARGETS_MAX = 1_000

/** There at zero from the start, so that the first one shows as a rise. */
const ALARMING = ['RAW_COLUMN', 'UNEXPECTED_ORIGIN', 'CANARY'] as const

interface Running {
  readonly byOutcome: ByOutcome
  readonly startedMs: number
  readonly isMasked: boolean
}

function measuredAppend(
  append: SessionRecorder['append'],
  context: RecorderParts & {
    readonly progress: { waiting: number; sinceMs: number }
    readonly incidents: TallyFamily<'code'>
    readonly failed: Tally
  },
): SessionRecorder['append'] {
  const { options, stages, statements, progress, incidents, failed } = context
  const { monotonic } = options
  const [record, upstream, whole] = [stages.of('record'), stages.of('upstream'), stages.of('whole')]
  /** What was let run and has no outcome yet, by the session's own numbers. */
  const running = new Map<number, Running>()
  const note = (entry: Entry, startedMs: number): void => {
    if (entry.kind === 'intent') {
      const byOutcome = statements.intent(entry)
      running.set(entry.statement, { byOutcome, startedMs, isMasked: entry.obligations.masks.length > 0 })
    } else if (entry.kind === 'refused') statements.refused(entry)
    else if (entry.kind === 'incident') incidents.of({ code: entry.code }).n += 1
  }
  const settle = ({ statement, completion }: Extract<Entry, { kind: 'completion' }>, endedMs: number): void => {
    const ran = running.get(statement)
    if (ran === undefined) return
    running.delete(statement)
    ran.byOutcome[completion.kind].n += 1
    whole.observeMs(endedMs - ran.startedMs)
    if (!wasSent(completion)) return
    upstream.observeMs(completion.ms)
    statements.rows.n += completion.rows
    statements.resultBytes.n += completion.bytes
    if (ran.isMasked) statements.maskedRows.n += completion.rows
  }
  /** What could not be recorded is refused, and says so to nobody but its client. */
  const forget = (statement: number): void => {
    const refused = running.get(statement)
    if (refused !== undefined) refused.byOutcome.refused.n += 1
    running.delete(statement)
  }
  return async entry => {
    const startedMs = monotonic()
    note(entry, startedMs)
    if (progress.waiting === 0) progress.sinceMs = startedMs
    progress.waiting += 1
    let endedMs = startedMs
    try {
      await append(entry)
      endedMs = monotonic()
    } catch (error) {
      endedMs = monotonic()
      failed.n += 1
      if (entry.kind === 'intent') forget(entry.statement)
      throw error
    } finally {
      progress.waiting -= 1
      progress.sinceMs = endedMs
      record.observeMs(endedMs - startedMs)
      if (entry.kind === 'completion') settle(entry, endedMs)
    }
  }
}

const wasSent = (completion: Completion): completion is Extract<Completion, { readonly ms: number }> =>
  completion.kind === 'done' || completion.kind === 'failed' || completion.kind === 'cancelled'
