import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import type { Policy } from '@querywarden/policy-core'
import { type Coverage, Touched } from '../policy-test/coverage.ts'
import { type CaseResult, runCase } from '../policy-test/run-case.ts'
import { type PolicyCase, type PolicyTestFile, readPolicyTests } from '../policy-test/test-file.ts'
import { openReading, type Reading } from '../rehearsal/reading.ts'
import { type Rehearse, rehearser } from '../rehearsal/rehearse.ts'
import { CommandError, EXIT } from './exit.ts'
import { openSource, type PolicySourceFound } from './policy-source.ts'
import { show, type Terminal } from './terminal.ts'
import { toldTests } from './told-tests.ts'

export interface PolicyTestOptions {
  readonly config: string
  readonly catalog?: string
  readonly target?: string
  /** In percent. */
  readonly minCoverage?: number
}

/** What the tests of one policy found. */
export interface PolicyTestResult {
  readonly policy: string
  readonly cases: readonly CaseResult[]
  readonly coverage: Coverage
}

/** Runs the cases of test files against their policies. Nothing is run on a database. */
export async function policyTest(
  terminal: Terminal,
  files: readonly string[],
  options: PolicyTestOptions,
): Promise<number> {
  const readings = new Map<number, Promise<Reading>>()
  const readingOf = (major: number): Promise<Reading> => {
    const known = readings.get(major) ?? openReading(major)
    readings.set(major, known)
    return known
  }
  const byPolicy = new Map<string, { policy: Policy; touched: Touched; cases: CaseResult[] }>()
  for (const file of files.length === 0 ? testFilesHere() : files) {
    const tests = readPolicyTests(readText(file), file)
    const policyFile = policyOf(file, tests)
    const sources = sourcesOf(file, tests, policyFile, options)
    for (const tested of tests.cases) {
      const source = await sources(tested.target)
      const kept = byPolicy.get(policyFile) ?? { policy: source.policy.policy, touched: new Touched(), cases: [] }
      byPolicy.set(policyFile, kept)
      const rehearse = rehearserFor(source, await readingOf(source.catalog.major), tested)
      const { result, rehearsal } = await runCase(tested, { file, rehearse, catalog: source.catalog })
      kept.touched.add(rehearsal)
      kept.cases.push(result)
    }
  }
  const results = [...byPolicy].map(
    ([policy, kept]): PolicyTestResult => ({ policy, cases: kept.cases, coverage: kept.touched.of(kept.policy) }),
  )
  return conclude(terminal, results, options.minCoverage ?? 0)
}

function conclude(terminal: Terminal, results: readonly PolicyTestResult[], minCoverage: number): number {
  const cases = results.flatMap(result => result.cases)
  const failed = cases.filter(({ passed }) => !passed).length
  const uncovered = results.filter(({ coverage }) => coverage.percent < minCoverage)
  const passed = cases.length - failed
  show(terminal, { passed, failed, minCoverage, policies: results }, () => toldTests(results, minCoverage))
  return failed === 0 && uncovered.length === 0 ? EXIT.ok : EXIT.finding
}

/** Every caller has a session of its own, and every case one that nobody has said anything in. */
const rehearserFor = (source: PolicySourceFound, reading: Reading, { principal, at }: PolicyCase): Rehearse =>
  rehearser({ ...source, reading, principal, now: at === null ? Date.now : () => at })

/** A policy and a schema are opened once for each target of a file. */
function sourcesOf(
  file: string,
  tests: PolicyTestFile,
  policy: string,
  options: PolicyTestOptions,
): (target: string | null) => Promise<PolicySourceFound> {
  const catalog = options.catalog ?? (tests.catalog === null ? undefined : beside(file, tests.catalog))
  const opened = new Map<string | undefined, Promise<PolicySourceFound>>()
  return wanted => {
    const target = wanted ?? options.target
    const known =
      opened.get(target) ??
      openSource({
        config: options.config,
        policy,
        ...(catalog === undefined ? {} : { catalog }),
        ...(target === undefined ? {} : { target }),
      })
    opened.set(target, known)
    return known
  }
}

const TEST_SUFFIX = '.test.yaml'

function policyOf(file: string, tests: PolicyTestFile): string {
  if (tests.policy !== null) return beside(file, tests.policy)
  if (file.endsWith(TEST_SUFFIX)) return `${file.slice(0, -TEST_SUFFIX.length)}.yaml`
  throw new CommandError(EXIT.misuse, `\`${file}\` must name its policy, as it isn't called NAME${TEST_SUFFIX}`)
}

/** Where a file is that another one names. */
const beside = (file: string, named: string): string => relative('.', resolve(dirname(file), named))

function testFilesHere(): readonly string[] {
  const found = readdirSync('.')
    .filter(name => name.endsWith(TEST_SUFFIX))
    .sort()
  if (found.length > 0) return found
  throw new CommandError(EXIT.misuse, `no file here is called *${TEST_SUFFIX}; name the test files`)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new CommandError(EXIT.misuse, `test file \`${file}\` can't be read`)
  }
}
