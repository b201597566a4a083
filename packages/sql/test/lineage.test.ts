import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import type { Catalog } from '@querywarden/policy-core'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCatalog } from '../src/postgres/catalog/load-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { MAJORS } from '../src/postgres/engine.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { queries } from './arbitrary-queries.ts'
import { corpusSchema, corpusTexts } from './attack-corpus.ts'
import { compareLineage } from './compare-lineage.ts'
import { LINEAGE_QUERIES, LINEAGE_QUERIES_SINCE } from './lineage-queries.ts'
import { serverLineage } from './server-lineage.ts'

/** How facts and server agreed over many queries. */
interface Tally {
  readonly unsafe: string[]
  judged: number
  exact: number
}

describe.each(MAJORS)('N1: names are resolved as PostgreSQL %i does', major => {
  let server: PostgresServer
  let client: Client
  let catalog: Catalog
  let classifier: PostgresClassifier
  beforeAll(async () => {
    server = await startPostgres({ major, database: 'adv' })
    await server.exec(await corpusSchema())
    client = new Client({ connectionString: server.url })
    await client.connect()
    const query = async (sql: string) => (await client.query({ text: sql, rowMode: 'array' })).rows
    catalog = await loadCatalog(query, { searchPath: ['public'] })
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  }, 120_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  /** Holds the facts of a query against the server. Whether the server takes it as a view. */
  async function judge(sql: string, tally: Tally): Promise<boolean> {
    const truth = await serverLineage(client, sql)
    if (truth === null) return false
    const facts = await classifier.classify({ dialect: 'postgres', text: sql, params: [] }, catalog)
    const { missing, excess } = compareLineage(facts, truth)
    tally.judged += 1
    if (excess.length === 0) tally.exact += 1
    if (missing.length > 0) tally.unsafe.push(`${sql}: ${missing.join('; ')}`)
    return true
  }

  const newTally = (): Tally => ({ unsafe: [], judged: 0, exact: 0 })

  test('the columns of written queries are all that the server says, the outputs what it describes', async () => {
    const since = LINEAGE_QUERIES_SINCE.filter(each => each.since <= major)
    const tally = newTally()
    for (const sql of [...LINEAGE_QUERIES, ...since.map(each => each.sql)]) await judge(sql, tally)
    expect(tally.unsafe).toEqual([])
    expect(tally.judged).toBeGreaterThan(200)
    // Of a whole row the server's record names the relation only.
    expect(tally.exact / tally.judged).toBeGreaterThan(0.94)
  }, 120_000)

  test('so are those of the corpora', async () => {
    const tally = newTally()
    for (const part of ['benign', 'leak', 'disguise'] as const)
      for (const { texts } of await corpusTexts(part))
        for (const text of texts) await judge(text.replace(/;\s*$/, ''), tally)
    expect(tally.unsafe).toEqual([])
    expect(tally.judged).toBeGreaterThan(600)
    expect(tally.exact / tally.judged).toBeGreaterThan(0.93)
  }, 300_000)

  test('so are those of any query', async () => {
    const tally = newTally()
    await fc.assert(
      fc.asyncProperty(queries(), async sql => {
        await judge(sql, tally)
        expect(tally.unsafe).toEqual([])
      }),
      { numRuns: 250 },
    )
    expect(tally.judged).toBeGreaterThan(60)
    expect(tally.exact / tally.judged).toBeGreaterThan(0.7)
  }, 120_000)
})
