import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { CurrentTrial } from './current-trial.ts'
import type { Finding } from './fuzz.ts'
import { type Direction, tryLaws } from './laws.ts'
import { OURS } from './subject.ts'
import { readTrial, trialText } from './trial-text.ts'
import { type Memory, runTask, type WorkerReport } from './worker.ts'

/** What the command line asked for. */
export interface FuzzCommand {
  readonly seed: number
  readonly directions: readonly Direction[]
  readonly messagesMax: number
  readonly secondsMax: number
  readonly corpus: string
  readonly print: (line: string) => void
}

/** A broken law, with a text of the trial to keep; null where there is none. */
export interface Outcome {
  readonly law: string
  readonly detail: string
  readonly text: string
}

const WATCH_MS = 1_000
/** No trial takes a second; one that takes ten never ends. */
const HANG_MS = 10_000
const HEAP_MB_MAX = 512

/** Fuzzes in a thread of its own, and watches that it goes on. */
export function watchFuzz({ print, ...command }: FuzzCommand): Promise<Outcome | null> {
  const current = new CurrentTrial()
  const startedAt = Date.now()
  const { seed, secondsMax, ...task } = command
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { ...task, seed, endsAt: startedAt + secondsMax * 1000, current: current.shared },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  })
  const outcomeOf = ({ broken, trial }: Finding): Outcome => ({
    ...broken,
    text: trialText(trial, [`${broken.law}: it does not hold, ${broken.detail}`, `found with --seed ${seed}`]),
  })
  return new Promise(resolve => {
    const watch = watchdog(current, () => settle('every trial ends', `one still runs after ${HANG_MS / 1000} s`))
    const finish = (outcome: Outcome | null): void => {
      clearInterval(watch)
      resolve(outcome)
      void worker.terminate()
    }
    const settle = (law: string, detail: string): void =>
      finish(outcomeOf({ broken: { law, detail }, trial: current.read() }))
    worker.on('error', error => settle('a trial ends without an error', String(error)))
    let scoutedAt = startedAt
    worker.on('message', (report: WorkerReport) => {
      const now = Date.now()
      if (report.kind === 'scouted') scoutedAt = now
      const line = lineOf(report, (now - startedAt) / 1000, (now - scoutedAt) / 1000)
      if (line !== null) print(line)
      if (report.kind === 'done') finish(null)
      if (report.kind === 'finding') finish(outcomeOf(report.finding))
    })
  })
}

function watchdog(current: CurrentTrial, onHang: () => void): NodeJS.Timeout {
  let count = -1
  let since = Date.now()
  return setInterval(() => {
    if (current.count !== count) {
      count = current.count
      since = Date.now()
    } else if (Date.now() - since > HANG_MS) onHang()
  }, WATCH_MS)
}

/**
 * Tries the laws on a trial that was kept.
 *
 * @throws Error for a text that isn't one
 */
export function replay(text: string): Outcome | null {
  const broken = tryLaws(OURS, readTrial(text), () => undefined)
  return broken === null ? null : { ...broken, text }
}

function lineOf(report: WorkerReport, seconds: number, fuzzedSeconds: number): string | null {
  switch (report.kind) {
    case 'scouted':
      return `${Math.round(seconds)} s: ${report.seeds} messages of the corpus, ${report.kept} more that reach code of their own, ${report.blocks} blocks reached`
    case 'progress':
    case 'done': {
      const { frontend, backend } = report.messages
      const speed = Math.round((frontend + backend) / fuzzedSeconds)
      return `${Math.round(seconds)} s: ${frontend} messages of clients, ${backend} of servers, ${speed} a second, ${memory(report)}`
    }
    case 'finding':
      return null
  }
}

const MIB = 1 << 20

const memory = ({ usedBytes, residentBytes }: Memory): string =>
  `${(usedBytes / MIB).toFixed(1)} MiB in use, ${Math.round(residentBytes / MIB)} MiB resident`

if (!isMainThread && parentPort !== null) {
  const port = parentPort
  const tell = (report: WorkerReport): void => port.postMessage(report)
  tell(runTask(workerData, tell))
}
