import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explore, type Finding } from '../../src/differential/explore.ts'
import { seededRandom } from '../../src/differential/random.ts'
import { openSource, type SourceName } from '../../src/differential/sources/draw-texts.ts'
import { type Tally, tallyLine } from '../../src/differential/tally.ts'
import { WORLD_SETTINGS, World } from '../../src/differential/world.ts'
import { SHOP } from '../../src/differential/worlds.ts'

const SEED = 20_260
/** What of the statements that ran has facts without anything unknown, at least, in per cent. */
const EXACT_MIN: Readonly<Record<SourceName, number>> = { corpus: 91, generated: 83, mutated: 86 }
const TEXTS: Readonly<Record<SourceName, number>> = { corpus: 3_200, generated: 1_600, mutated: 1_600 }
/** The outside corpus is large, and not everywhere. */
const STRIDE = 40

describe.each([15, 18] as const)('P11: what PostgreSQL %i does is what the facts say', major => {
  let server: PostgresServer
  let world: World
  beforeAll(async () => {
    server = await startPostgres({ major, settings: WORLD_SETTINGS })
    world = await World.open(SHOP, server)
  }, 120_000)
  afterAll(async () => {
    world?.close()
    await server?.stop()
  })

  const explored = async (
    source: SourceName,
  ): Promise<{ readonly tally: Tally; readonly findings: readonly Finding[] }> => {
    const findings: Finding[] = []
    const startedAt = performance.now()
    const tally = await explore({
      world,
      classifier: await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS }),
      next: await openSource(source, world, { random: seededRandom(SEED), stride: STRIDE }),
      goesOn: ({ texts }) => texts < TEXTS[source],
      recordOneIn: 3,
      toldPerLaw: 5,
      onFinding: finding => findings.push(finding),
      onStrict: () => undefined,
    })
    process.stdout.write(`${tallyLine(`${major} ${source}`, tally, (performance.now() - startedAt) / 1000)}\n`)
    return { tally, findings }
  }

  test.each(['corpus', 'generated', 'mutated'] as const)(
    '%s: nothing is left out',
    { timeout: 300_000 },
    async source => {
      const { tally, findings } = await explored(source)
      expect(findings.map(({ law, detail, text }) => `${law} (${detail}): ${text}`)).toEqual([])
      expect([tally.unsafe, tally.crashed]).toEqual([0, 0])
      const ran = tally.exact + tally.stricter
      expect(ran).toBeGreaterThan(200)
      expect((100 * tally.exact) / ran).toBeGreaterThan(EXACT_MIN[source])
    },
  )
})
