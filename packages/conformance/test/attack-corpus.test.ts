import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type BenignRun,
  beyond,
  type CaseRun,
  corpusFile,
  type LeakCase,
  readBenignCases,
  readCanaries,
  readLeakCases,
  readMoreBenignCases,
  readMoreLeakCases,
  runBenignCorpus,
  runLeakCorpus,
  type Score,
  scoreOf,
  tableOf,
} from '../src/index.ts'
import { type GovernedDatabase, startGovernedDatabase } from './governed-database.ts'

const PIN = corpusFile('score.json')
/** Set it to write what was found into score.json. */
const REWRITE = 'CORPUS_PIN'

let governed: GovernedDatabase
let newest: GovernedDatabase
let leaks: readonly CaseRun[]
let benign: readonly BenignRun[]

beforeAll(async () => {
  ;[governed, newest] = await Promise.all([startGovernedDatabase(15), startGovernedDatabase(18)])
  const [cases, more] = [await readLeakCases(), await readMoreLeakCases()]
  benign = await runBenignCorpus({
    ...governed,
    cases: [...(await readBenignCases()), ...(await readMoreBenignCases())],
    onProgress,
  })
  leaks = (
    await Promise.all([
      attack(governed, [...cases, ...more.filter(({ major }) => major === undefined)]),
      attack(
        newest,
        more.filter(({ major }) => major !== undefined),
      ),
    ])
  ).flat()
  process.stdout.write(`${tableOf(leaks)}\n\n${wrongLines()}\n`)
  if (process.env[REWRITE] !== undefined) await writeFile(PIN, `${JSON.stringify(scoreOf(leaks, benign), null, 2)}\n`)
}, 1_200_000)
afterAll(() => Promise.all([governed?.stop(), newest?.stop()]))

const onProgress = (): void => undefined
const attack = async (on: GovernedDatabase, cases: readonly LeakCase[]): Promise<readonly CaseRun[]> =>
  runLeakCorpus({ ...on, cases, canaries: await readCanaries(), parallel: 4, onProgress })

const wrongLines = (): string => {
  const wrong = benign.flatMap(run => (run.wrong === null ? [] : [`${run.id} (${run.protocol}): ${run.wrong}`]))
  return [`benign: ${benign.length - wrong.length} of ${benign.length} right`, ...wrong].join('\n  ')
}
const pinned = async (): Promise<Score> => JSON.parse(await readFile(PIN, 'utf8'))

test('no attack gets more than before, and no benign statement less', async () => {
  expect(beyond(scoreOf(leaks, benign), await pinned())).toEqual([])
})

test(`what got better is pinned: set ${REWRITE} to do so`, async () => {
  expect(beyond(await pinned(), scoreOf(leaks, benign))).toEqual([])
})

test(`what became of the attacks is what is pinned: set ${REWRITE} to do so`, async () => {
  const { attacks, benign: served } = scoreOf(leaks, benign)
  const known = await pinned()
  expect([attacks, served]).toEqual([known.attacks, known.benign])
})

test('98 % of what is benign is served, and as the bare server does', () => {
  expect(benign.filter(({ wrong }) => wrong === null).length / benign.length).toBeGreaterThanOrEqual(0.98)
})

test('every attack was judged', () => {
  expect(leaks.filter(({ verdict }) => verdict === 'error')).toEqual([])
})
