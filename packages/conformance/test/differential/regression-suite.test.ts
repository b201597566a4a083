import { startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import { DEFAULT_LIMITS, MAJORS, postgresClassifier } from '@querywarden/sql/postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import { isUnknown, readText } from '../../src/differential/facts-of.ts'
import { type CorpusText, outsideTexts } from '../../src/differential/sources/texts.ts'
import { WORLD_SETTINGS, World } from '../../src/differential/world.ts'
import { REGRESS } from '../../src/differential/worlds.ts'

/** Every how many-th statement of the suites is looked at; 1 looks at all. */
const STRIDE = Number(process.env['QW_SQL_CORPUS_STRIDE'] ?? 20)
/** What of the statements that servers take has facts without anything unknown, at least, in per cent. */
const KNOWN_MIN = 85

let texts: readonly CorpusText[]
let catalog: Catalog | null = null

// The suites are not a part of this repository: without them only what follows about one statement is tried.
beforeAll(async () => {
  texts = (await outsideTexts('pg_regress')).filter((_, index) => index % STRIDE === 0)
  const server = await startPostgres({ major: 18, settings: WORLD_SETTINGS })
  const world = await World.open(REGRESS, server)
  catalog = world.catalog
  world.close()
  await server.stop()
}, 600_000)

describe.each(MAJORS)('the regression suites, for PostgreSQL %i', major => {
  test('T4, T6: no statement crashes the classifier or is refused, and most are known wholly', {
    timeout: 900_000,
  }, async () => {
    if (catalog === null) throw new Error('there is no catalog')
    const classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const by = { ...catalog, major }
    const wrong: string[] = []
    let [taken, known] = [0, 0]
    for (const { sql, n } of [...texts, { sql: 'SELECT 1', n: { [major]: 1 }, source: '' }]) {
      const reading = readText(sql, classifier, by)
      if (reading.kind === 'crashed') wrong.push(`crashed (${reading.error}): ${sql}`)
      if (n?.[major] === 0 || n?.[major] === undefined) continue
      taken += 1
      if (reading.kind === 'refused') wrong.push(`${reading.code}: ${sql}`)
      if (reading.kind !== 'split') continue
      for (const { facts } of reading.statements) if (facts.kind === 'opaque') wrong.push(`${facts.code}: ${sql}`)
      if (!reading.statements.some(({ facts }) => isUnknown(facts))) known += 1
    }
    process.stdout.write(
      `PostgreSQL ${major}: ${taken} statements, ${((100 * known) / taken).toFixed(2)} % known wholly\n`,
    )
    expect(wrong).toEqual([])
    expect((100 * known) / taken).toBeGreaterThan(KNOWN_MIN)
  })
})
