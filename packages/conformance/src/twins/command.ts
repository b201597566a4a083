import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresMajor } from '@querywarden/dev-servers'
import { seededRandom } from '../differential/random.ts'
import { exploreTwins, type TwinFinding } from './explore-twins.ts'
import { generatePlan } from './generate-plan.ts'
import type { TwinPlan } from './plan.ts'
import { shopPlan } from './shop-plan.ts'
import { openSources } from './sources.ts'
import { twinTallyLine } from './tally-line.ts'
import { openTwins, type Servers, startTwinServers } from './twin-world.ts'

/** What the command line asked for. */
export interface TwinsCommand {
  readonly majors: readonly (15 | 16 | 17 | 18)[]
  readonly seconds: number
  readonly seed: number
  /** The folder that findings are written to. */
  readonly out: string
  readonly print: (line: string) => void
}

/** A schema has so much time; then comes the next. */
const PLAN_SECONDS = 120
const SHRINK_ATTEMPTS = 120

/** Runs until the time is over. Gives the number of statements that told the sides apart. */
export async function runTwins(command: TwinsCommand): Promise<number> {
  const { majors, seconds, print, out } = command
  mkdirSync(out, { recursive: true })
  let found = 0
  for (const major of majors) {
    print(`PostgreSQL ${major}`)
    found += await runMajor(command, major, seconds / majors.length)
  }
  return found
}

async function runMajor(command: TwinsCommand, major: PostgresMajor, seconds: number): Promise<number> {
  const startedAt = performance.now()
  const left = (): number => seconds - (performance.now() - startedAt) / 1000
  let found = 0
  for (let seed = command.seed; left() > 0; seed++) {
    // The shop takes every third turn: no generated schema has as much that hands on values.
    const plan = (seed - command.seed) % 3 === 0 ? await shopPlan() : generatePlan(seed)
    const servers = await startTwinServers(major)
    try {
      found += await runPlan(command, plan, seed, servers, Math.min(PLAN_SECONDS, left()))
    } finally {
      await Promise.all([servers.left.stop(), servers.right.stop()])
    }
  }
  return found
}

async function runPlan(
  { print, out }: TwinsCommand,
  plan: TwinPlan,
  seed: number,
  servers: Servers,
  seconds: number,
): Promise<number> {
  const world = await openTwins(plan, servers)
  try {
    const random = seededRandom(seed)
    const next = await openSources(world, random)
    const startedAt = performance.now()
    const elapsed = (): number => (performance.now() - startedAt) / 1000
    const tally = await exploreTwins({
      world,
      random,
      next,
      goesOn: () => elapsed() < seconds,
      bareOneIn: 5,
      toldMax: 10,
      shrinkAttempts: SHRINK_ATTEMPTS,
      onFinding: finding => {
        appendFileSync(join(out, 'findings.ndjson'), `${JSON.stringify(finding)}\n`)
        print(described(finding))
      },
      onEnd: (script, said) => print(`ENDED ${plan.name}: ${JSON.stringify(script)}\n  ${said.join('\n  ')}`),
    })
    print(twinTallyLine(`${plan.name}, seed ${seed}`, tally, elapsed()))
    return tally.differing + tally.reordered
  } finally {
    await world.stop()
  }
}

const described = ({ plan, difference, script, left, right }: TwinFinding): string =>
  [`DIFFERS ${plan} in ${difference}: ${JSON.stringify(script)}`, '  left', ...left, '  right', ...right].join('\n    ')
