import { type CrashPoint, runTrial } from './trial.ts'

export interface Crashes {
  /** The first seed, and how many. */
  readonly from: number
  readonly seeds: number
  readonly print: (line: string) => void
}

const PROGRESS_EVERY = 500

/** Runs trials, one a seed, and prints where they crashed. Gives the seeds that broke a promise. */
export async function runCrashes({ from, seeds, print }: Crashes): Promise<readonly number[]> {
  const points = new Map<string, number>()
  const broken: number[] = []
  let crashes = 0
  for (let seed = from; seed < from + seeds; seed++) {
    const trial = await runTrial(seed)
    for (const point of trial.crashes) count(points, point)
    crashes += trial.crashes.length
    if (trial.faults.length > 0) {
      broken.push(seed)
      print(`\nSeed ${seed} (again: npm run crashes -- --seeds 1 --from ${seed})`)
      for (const { kind, operation, moment, during } of trial.crashes) {
        print(`  crashed by ${kind}, ${moment} ${operation}, during ${during}`)
      }
      for (const fault of trial.faults) print(`  ${fault}`)
    }
    const done = seed - from + 1
    if (done % PROGRESS_EVERY === 0 || done === seeds) {
      print(`${done} of ${seeds} seeds, ${crashes} crashes, ${broken.length} seeds broke a promise`)
    }
  }
  print('')
  for (const [point, times] of [...points].sort()) print(`${String(times).padStart(7)}  ${point}`)
  return broken
}

function count(points: Map<string, number>, { kind, operation, moment, during }: CrashPoint): void {
  const name = `${during.padEnd(10)}${kind.padEnd(7)}${operation} (${moment})`
  points.set(name, (points.get(name) ?? 0) + 1)
}
