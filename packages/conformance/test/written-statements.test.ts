import { readFileSync } from 'node:fs'
import { startPostgres } from '@querywarden/dev-servers'
import { type Catalog, EFFECTS, type Facts, relationKey } from '@querywarden/policy-core'
import { catalogOf, statements, type WrittenStatement } from '@querywarden/policy-testing'
import { DEFAULT_LIMITS, loadCatalog, postgresClassifier } from '@querywarden/sql/postgres'
import fc from 'fast-check'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpusFile } from '../src/index.ts'

const STATEMENTS = 1_200
const WORDS_A_TABLE = 10
const SEED = 20_260_401

/** What the server says of rows and values, not of the statement: data exceptions, constraints, more than one row. */
const ABOUT_ROWS = /^(21|22|23)/

describe.each([15, 18] as const)('statements of policy-testing, on PostgreSQL %i', major => {
  let stop = async (): Promise<void> => undefined
  let client: Client
  let catalog: Catalog
  let classify: (text: string) => Facts

  beforeAll(async () => {
    const server = await startPostgres({ major, database: 'adv' })
    await server.exec(readFileSync(corpusFile('schema.sql'), 'utf8'))
    // Its views only work where the server preloads it.
    await server.exec('drop extension if exists pg_stat_statements')
    client = new Client({ connectionString: server.url })
    client.on('error', () => undefined)
    await client.connect()
    catalog = await loadCatalog(async text => (await client.query({ text, rowMode: 'array' })).rows, {
      searchPath: ['public'],
    })
    const sql = await postgresClassifier({ majors: [major], cacheEntriesMax: 10, limits: DEFAULT_LIMITS })
    classify = text => sql.classify({ dialect: 'postgres', text, params: [] }, catalog)
    stop = async () => {
      await client.end()
      await server.stop()
    }
  })
  afterAll(() => stop())

  const refusalOf = async (text: string): Promise<string | null> => {
    await client.query('BEGIN')
    try {
      await client.query(text)
      return null
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      return ABOUT_ROWS.test(code) ? null : `${code} ${String(error)}`
    } finally {
      await client.query('ROLLBACK')
    }
  }

  const sample = (effects: Parameters<typeof statements>[1], numRuns: number): readonly WrittenStatement[] =>
    fc.sample(statements(catalog, effects), { numRuns, seed: SEED })

  test('the server takes them all: reads, writes, definitions, commands', async () => {
    const effects = EFFECTS.filter(effect => effect !== 'external')
    const written = [...sample({}, STATEMENTS), ...sample({ effects }, STATEMENTS / 2)]
    const refused: string[] = []
    for (const { text } of written) {
      const refusal = await refusalOf(text)
      if (refusal !== null) refused.push(`${refusal}: ${text}`)
    }
    expect(refused).toEqual([])
    expect(new Set(written.map(({ verb }) => verb)).size).toBeGreaterThan(20)
  }, 300_000)

  test('facts say at least what is true by construction', () => {
    const wrong = [...sample({}, STATEMENTS), ...sample({ effects: EFFECTS }, STATEMENTS)].flatMap(written => {
      const missing = missingFrom(classify(written.text), written)
      return missing.length === 0 ? [] : [`${missing.join(', ')}: ${written.text}`]
    })
    expect(wrong).toEqual([])
  }, 60_000)

  test('facts of plain statements say no more than is true', () => {
    const plain = sample({ effects: ['read'] }, STATEMENTS).filter(({ relations }) =>
      relations.every(({ relation }) => relation.kind === 'table'),
    )
    expect(plain.length).toBeGreaterThan(STATEMENTS / 4)
    const more = plain.flatMap(({ text, effects }) => {
      const facts = classify(text)
      const found = facts.kind === 'opaque' ? ['opaque'] : facts.uses.map(({ effect }) => effect)
      return found.every(effect => effects.some(known => known === effect)) ? [] : [`${found.join(', ')}: ${text}`]
    })
    expect(more).toEqual([])
  })

  test('a name that is a keyword is quoted where the server needs it', async () => {
    const words = (await client.query<{ word: string }>('select word from pg_get_keywords() order by 1')).rows
    const names = words.map(({ word }) => word)
    const tables = Array.from({ length: Math.ceil(names.length / WORDS_A_TABLE) }, (_, i) => ({
      name: `words_${i}`,
      columns: names.slice(i * WORDS_A_TABLE, (i + 1) * WORDS_A_TABLE),
    }))
    for (const { name, columns } of tables)
      await client.query(`create table public.${name} (${columns.map(column => `"${column}" int`).join(', ')})`)
    const column = (name: string, index: number) => ({
      name,
      attnum: index + 1,
      typeOid: 23,
      typmod: -1,
      type: 'integer',
      origins: [],
    })
    const keywords = catalogOf(
      tables.map(({ name, columns }, i) => ({
        schema: 'public',
        name,
        oid: 20_000 + i,
        kind: 'table',
        columns: columns.map(column),
      })),
    )
    const written = fc.sample(statements(keywords), { numRuns: STATEMENTS, seed: SEED })
    const refused: string[] = []
    for (const { text } of written) {
      const refusal = await refusalOf(text)
      if (refusal !== null) refused.push(`${refusal}: ${text}`)
    }
    for (const { name } of tables) await client.query(`drop table public.${name}`)
    expect(refused).toEqual([])
    const covered = new Set(written.flatMap(({ columns }) => columns.map(({ column }) => column)))
    expect(names.filter(name => !covered.has(name))).toEqual([])
  }, 300_000)
})

/** Their use of a relation stands for all of its columns. */
const DEFINES = /^create index$/

/** What is true of a statement and isn't in its facts. */
function missingFrom(facts: Facts, written: WrittenStatement): readonly string[] {
  if (facts.kind === 'opaque') return [`opaque ${facts.code}`]
  const uses = facts.uses.filter(use => use.kind === 'relation')
  const effects = facts.uses.map(({ effect }) => effect)
  return [
    ...written.effects.filter(effect => !effects.includes(effect)).map(effect => `effect ${effect}`),
    ...written.relations
      .filter(
        ({ relation, access }) =>
          !uses.some(use => use.access === access && relationKey(use.relation) === relationKey(relation)),
      )
      .map(({ relation, access }) => `${access} on ${relation.name}`),
    ...(DEFINES.test(written.verb) ? [] : written.columns)
      .filter(
        column =>
          !facts.columns.some(
            use =>
              relationKey(use) === relationKey(column) &&
              (use.column === column.column || use.column === '*') &&
              (use.role === 'target') !== column.isRead,
          ),
      )
      .map(({ name, column, isRead }) => `${isRead ? 'reading' : 'assigning'} ${name}.${column}`),
    ...(written.isUnbounded && !uses.some(({ unbounded }) => unbounded) ? ['unbounded'] : []),
  ]
}
