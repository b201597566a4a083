import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type PostgresMajor, startPostgres } from '@querywarden/dev-servers'
import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'
import { breachOf, explore, type Finding } from './explore.ts'
import { LAWS } from './laws.ts'
import { seededRandom } from './random.ts'
import { openSource, type SourceName } from './sources/draw-texts.ts'
import { type Tally, tallyLine } from './tally.ts'
import { WORLD_SETTINGS, World } from './world.ts'
import { REGRESS, SHOP } from './worlds.ts'

/** What the command line asked for. */
export interface DifferentialCommand {
  readonly majors: readonly (15 | 16 | 17 | 18)[]
  readonly sources: readonly SourceName[]
  readonly worlds: readonly ('shop' | 'regress')[]
  readonly seconds: number
  readonly seed: number
  /** The folder that findings are written to. */
  readonly out: string
  readonly print: (line: string) => void
}

const PLANS = { shop: SHOP, regress: REGRESS }
const REPORT_SECONDS = 30
const TOLD_PER_LAW = 30

/** Runs until the time is over. Gives the number of unsafe disagreements. */
export async function runDifferential(command: DifferentialCommand): Promise<number> {
  const { majors, sources, worlds, seconds, print } = command
  const parts = majors.flatMap(major => worlds.flatMap(world => sources.map(source => ({ major, world, source }))))
  mkdirSync(command.out, { recursive: true })
  let unsafe = 0
  for (const major of majors) {
    const server = await startPostgres({ major: major satisfies PostgresMajor, settings: WORLD_SETTINGS })
    try {
      for (const name of worlds) {
        const world = await World.open(PLANS[name], server)
        print(`PostgreSQL ${major}, ${name}: ${world.catalog.relations.size} relations`)
        for (const source of sources) unsafe += await runPart(command, world, source, seconds / parts.length)
        world.close()
      }
    } finally {
      await server.stop()
    }
  }
  return unsafe
}

async function runPart(
  command: DifferentialCommand,
  world: World,
  source: SourceName,
  seconds: number,
): Promise<number> {
  const { print, out, seed } = command
  const limits = DEFAULT_LIMITS
  const classifier = await postgresClassifier({ majors: [majorOf(world)], cacheEntriesMax: 0, limits })
  const next = await openSource(source, world, { random: seededRandom(seed), stride: 1 })
  const strict = new Map<string, { count: number; text: string }>()
  const startedAt = performance.now()
  const elapsed = (): number => (performance.now() - startedAt) / 1000
  const name = `${world.major} ${world.name} ${source}`
  let reportedAt = 0
  const goesOn = (tally: Tally): boolean => {
    if (elapsed() - reportedAt > REPORT_SECONDS) {
      reportedAt = elapsed()
      print(`… ${tallyLine(name, tally, reportedAt)}`)
    }
    return elapsed() < seconds
  }
  const tally = await explore({
    world,
    classifier,
    next,
    goesOn,
    recordOneIn: 3,
    toldPerLaw: TOLD_PER_LAW,
    onFinding: finding => keep(finding, out, print),
    onStrict: (text, why) => {
      const known = strict.get(why) ?? { count: 0, text }
      strict.set(why, { count: known.count + 1, text: text.length < known.text.length ? text : known.text })
    },
  })
  print(tallyLine(name, tally, elapsed()))
  const most = [...strict].sort(([, a], [, b]) => b.count - a.count).slice(0, 200)
  writeFileSync(
    join(out, `strict-${name.replaceAll(' ', '-')}.txt`),
    most.map(([why, { count, text }]) => `${count} ${why}: ${text}\n`).join(''),
  )
  return tally.unsafe + tally.crashed
}

const majorOf = ({ major }: World): 15 | 16 | 17 | 18 => {
  if (major === 15 || major === 16 || major === 17 || major === 18) return major
  throw new Error(`there is no grammar of major ${major}`)
}

function keep(finding: Finding, out: string, print: (line: string) => void): void {
  print(`UNSAFE ${finding.major} ${finding.world}: ${finding.law} (${finding.detail})\n  ${finding.text}`)
  appendFileSync(join(out, 'findings.ndjson'), `${JSON.stringify(finding)}\n`)
}

/** Tries again what a file of findings holds; gives the number of those that still are. */
export async function repeatFindings(file: string, print: (line: string) => void): Promise<number> {
  const findings: readonly Finding[] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  let left = 0
  for (const major of new Set(findings.map(finding => finding.major))) {
    const some = findings.filter(finding => finding.major === major)
    left += await repeatOn(major, some, print)
  }
  return left
}

async function repeatOn(major: number, findings: readonly Finding[], print: (line: string) => void): Promise<number> {
  if (major !== 15 && major !== 16 && major !== 17 && major !== 18) throw new Error(`no server of major ${major}`)
  const server = await startPostgres({ major, settings: WORLD_SETTINGS })
  let left = 0
  try {
    const classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    for (const plan of Object.values(PLANS)) {
      const some = findings.filter(({ world }) => world === plan.name)
      if (some.length === 0) continue
      const world = await World.open(plan, server)
      for (const { text, law, detail } of some) {
        if (!LAWS.includes(law) || (await breachOf(text, law, { world, classifier })) === null) continue
        left += 1
        print(`STILL ${major} ${plan.name}: ${law} (${detail})\n  ${text}`)
      }
      world.close()
    }
  } finally {
    await server.stop()
  }
  return left
}
