import { startPostgres } from '@querywarden/dev-servers'
import { DEFAULT_LIMITS, postgresClassifier } from '@querywarden/sql/postgres'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'

/** What some majors read and others don't, or read otherwise. */
const TEXTS = [
  'MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE RETURNING t.a',
  'MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED BY SOURCE THEN DELETE',
  "SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (a int PATH '$'))",
  'UPDATE t SET a = 1 RETURNING old.a, WITH (OLD AS o) o.a',
  'UPDATE t SET a = 1 RETURNING WITH (OLD AS o, NEW AS n) o.a, n.a',
  'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a) VIRTUAL)',
  'SELECT JSON_SCALAR(1), JSON_SERIALIZE(a) FROM t',
  "SELECT JSON_EXISTS('{}', '$.a')",
  "SELECT '1' IS JSON OBJECT",
  'SELECT * FROM (SELECT 1)',
  'COPY t FROM STDIN WITH (ON_ERROR ignore)',
  'CREATE TABLE t (a int NOT NULL NO INHERIT)',
  'ALTER TABLE t ALTER CONSTRAINT c NOT ENFORCED',
  'ALTER TABLE t SPLIT PARTITION p INTO (PARTITION a FOR VALUES IN (1))',
  'SELECT any_value(a) FROM t',
  'SELECT a FROM t WHERE a = ANY (VALUES (1))',
  'SELECT AT LOCAL',
  'SELECT now() AT LOCAL',
] as const

/** The grammar of 15 takes a letter behind a number for a name. To take what the server refuses is harmless. */
const LOOSE = ['SELECT 0x1F, 0o17, 0b11, 1_000', 'SELECT 1_000', 'SELECT 123abc']

describe.each([15, 16, 17, 18] as const)('PostgreSQL %i', major => {
  test('T4: what its own grammar refuses is refused, and what it takes is taken', async () => {
    const server = await startPostgres({ major })
    const { split } = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const client = new Client({ connectionString: server.url })
    await client.connect()
    try {
      const verdicts: (readonly [string, string])[] = []
      for (const text of [...TEXTS, ...LOOSE]) {
        // The raw parser speaks before anything is looked up: an aborted transaction hears of syntax all the same.
        await client.query('BEGIN')
        await client.query('SELECT 1/0').catch(() => undefined)
        const error: { code?: string } = await client.query(text).catch(failed => failed)
        await client.query('ROLLBACK')
        verdicts.push([text, error.code === '42601' ? 'opaque' : 'split'])
      }
      expect(TEXTS.map(text => [text, split(text, major).kind])).toEqual(verdicts.slice(0, TEXTS.length))
      const taken = verdicts.flatMap(([text, kind]) => (kind === 'split' ? [text] : []))
      expect(taken.filter(text => split(text, major).kind === 'opaque')).toEqual([])
      expect(new Set(verdicts.map(([, kind]) => kind)).size).toBe(2)
    } finally {
      await client.end()
      await server.stop()
    }
  })
})

test('T4: a text for a major whose grammar is not there is refused', async () => {
  const { split } = await postgresClassifier({ majors: [15], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
  expect(split('SELECT 1', 19)).toMatchObject({ kind: 'opaque', code: 'PARSER_FAILED' })
})
