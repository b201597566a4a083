import type { PostgresServer } from '@querywarden/dev-servers'
import type { Catalog, Facts } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { catalogOf, openAdversarialDatabase } from './adversarial-database.ts'
import { usesOf } from './uses.ts'

const LOGS = 'write insert lab.log'

describe.each([15, 18] as const)('names that are calls of nothing to fear, by PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  let classifier: PostgresClassifier
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const opened = await openAdversarialDatabase(['create schema lab', 'create table lab.log (line text)'], major)
    server = opened.server
    catalog = opened.catalog
  }, 120_000)
  afterAll(async () => server?.stop())

  const factsOf = (text: string, by: Catalog = catalog): Facts =>
    classifier.classify({ dialect: 'postgres', text, params: [] }, by)
  const lines = (text: string, by: Catalog = catalog): readonly string[] => usesOf(factsOf(text, by))

  describe('functions of extensions', () => {
    test.each([
      ["select similarity('mug', title) from products", 'pure public.similarity'],
      ["select public.similarity('mug', title) from products", 'pure public.similarity'],
      ["select digest('a', 'sha256')", 'pure public.digest'],
    ])('that only compute need no rule: %s', (sql, call) => {
      const facts = factsOf(sql)
      expect(lines(sql).every(line => line.startsWith('read'))).toBe(true)
      expect(facts.kind === 'understood' ? facts.calls.map(each => `${each.class} ${each.name}`) : []).toEqual([call])
    })

    test.each(["select other.similarity('a', 'b')", 'select gen_salt(1)', 'select similarity_of(1)'])(
      'others are unknown: %s',
      sql => {
        expect(lines(sql).join()).toContain('unknown call')
      },
    )

    test("a function of the database's own of the same name counts", async () => {
      await server.exec(`create function public.similarity(text, int) returns int language plpgsql as
        $$ begin insert into lab.log values ($1); return 1; end $$`)
      const by = await catalogOf(server)
      expect(lines("select similarity('a', 'b')", by)).toContain(LOGS)
      expect(lines("select public.similarity('a', 1)", by)).toContain(LOGS)
      await server.exec('drop function public.similarity(text, int)')
    })
  })

  describe('columns that are written as functions', () => {
    test.each([
      'select tel(v) from v_customers v',
      'select tel(v.*) from v_customers v',
      'select v.tel from v_customers v',
    ])('are columns: %s', async sql => {
      await server.exec(sql)
      expect(lines(sql)).toEqual(['read select public.v_customers'])
      const facts = factsOf(sql)
      expect(facts.kind === 'understood' ? facts.calls : null).toEqual([])
    })

    test.each([
      'select unheard_of(v) from v_customers v',
      'select tel(v, 1) from v_customers v',
      'select tel(f) from v_customers v, generate_series(1, 2) f',
      'select tel(x) from v_customers v',
      'select tel(v) over () from v_customers v',
      'select lab.tel(v) from v_customers v',
    ])('T6: are not: %s', sql => {
      expect(lines(sql).join()).toContain('unknown call')
    })

    test('a function of the name comes first', async () => {
      await server.exec(`create function public.tel(v_customers) returns text language plpgsql as
        $$ begin insert into lab.log values ('x'); return 'y'; end $$`)
      expect(lines('select tel(v) from v_customers v', await catalogOf(server))).toContain(LOGS)
      await server.exec('drop function public.tel(v_customers)')
    })
  })
})
