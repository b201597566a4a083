import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readCorpus } from './corpus.ts'
import { codecOffsets, startCoverage } from './coverage.ts'
import { CurrentTrial } from './current-trial.ts'
import { type Finding, fuzz, type Progress } from './fuzz.ts'
import type { Direction } from './laws.ts'
import { minimise } from './minimise.ts'
import { type Scouted, scout } from './scout.ts'
import { OURS } from './subject.ts'

/** What a worker is started with. */
export interface WorkerTask {
  readonly seed: number
  readonly directions: readonly Direction[]
  readonly messagesMax: number
  readonly endsAt: number
  readonly corpus: string
  readonly current: SharedArrayBuffer
}

/** What a worker tells. */
export type WorkerReport =
  | { readonly kind: 'scouted'; readonly seeds: number; readonly kept: number; readonly blocks: number }
  | ({ readonly kind: 'progress' } & Progress & Memory)
  | ({ readonly kind: 'done' } & Progress & Memory)
  | { readonly kind: 'finding'; readonly finding: Finding }

/** Memory in use when nothing is left to collect, and what the process has of the machine, in bytes. */
export interface Memory {
  readonly usedBytes: number
  readonly residentBytes: number
}

/** A line so often at first, and ever less often in a long run. */
const PROGRESS_MS_MIN = 5_000
const PROGRESS_SHARE = 0.1
/** Memory is measured against what was in use after so many messages, when all code is warm. */
const WARM_MESSAGES = 100_000
const GROWTH_BYTES_MAX = 32 << 20
const IDLE_BATCHES_MAX = 10
const BATCHES_MAX = 30

/** Runs a task to its end, and gives the last report. */
export function runTask(task: WorkerTask, report: (report: WorkerReport) => void): WorkerReport {
  // Refusals are the rule here, and a stack for each would take most of the time.
  Error.stackTraceLimit = 0
  const current = new CurrentTrial(task.current)
  const onTrial = current.write.bind(current)
  const seeds = readCorpus(task.corpus)
  const scouted = scoutWith(task, seeds, onTrial)
  if (scouted.finding !== null) return { kind: 'finding', finding: minimise(OURS, scouted.finding) }
  report({ kind: 'scouted', seeds: seeds.length, kept: scouted.kept.length, blocks: scouted.blocks })

  const memory = memoryWatch()
  const startedAt = Date.now()
  let reportAt = startedAt + PROGRESS_MS_MIN
  const result = fuzz({
    subject: OURS,
    seed: task.seed,
    directions: task.directions,
    seeds: [...seeds, ...scouted.kept],
    messagesMax: task.messagesMax,
    onTrial,
    onBatch: progress => {
      const now = Date.now()
      if (now >= reportAt) {
        reportAt = now + Math.max(PROGRESS_MS_MIN, (now - startedAt) * PROGRESS_SHARE)
        report({ kind: 'progress', ...progress, ...memory.measure(progress) })
      }
      return now < task.endsAt && !memory.hasGrown()
    },
  })
  if (result.finding !== null) return { kind: 'finding', finding: minimise(OURS, result.finding) }
  const { finding, ...progress } = result
  const used = memory.measure(progress)
  if (!memory.hasGrown()) return { kind: 'done', ...progress, ...used }
  const broken = { law: 'memory does not grow', detail: `${used.usedBytes} bytes in use after collection` }
  return { kind: 'finding', finding: { broken, trial: current.read() } }
}

function scoutWith(
  { seed, directions }: WorkerTask,
  seeds: Parameters<typeof scout>[0]['seeds'],
  onTrial: CurrentTrial['write'],
): Scouted {
  const bundle = readFileSync(fileURLToPath(import.meta.url), 'utf8')
  const coverage = startCoverage(import.meta.url, codecOffsets(bundle))
  const takeBlocks = coverage.take
  const scouted = scout({
    subject: OURS,
    seed,
    directions,
    seeds,
    takeBlocks,
    idleBatchesMax: IDLE_BATCHES_MAX,
    batchesMax: BATCHES_MAX,
    onTrial,
  })
  coverage.stop()
  return scouted
}

function memoryWatch(): { measure: (progress: Progress) => Memory; hasGrown: () => boolean } {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  let warmBytes: number | null = null
  let usedBytes = 0
  return {
    measure: ({ messages }) => {
      collect()
      const { heapUsed, external, rss } = process.memoryUsage()
      usedBytes = heapUsed + external
      if (messages.frontend + messages.backend >= WARM_MESSAGES) warmBytes ??= usedBytes
      return { usedBytes, residentBytes: rss }
    },
    hasGrown: () => warmBytes !== null && usedBytes > warmBytes + GROWTH_BYTES_MAX,
  }
}
