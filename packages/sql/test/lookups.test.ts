import type { PostgresMajor } from '@querywarden/dev-servers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChangingDatabase, openChangingDatabase } from './changing-database.ts'

describe.each<PostgresMajor>([15, 18])('lookups in hashed columns on PostgreSQL %i', major => {
  let db: ChangingDatabase
  beforeAll(async () => {
    db = await openChangingDatabase(major)
    await db.server.exec("insert into people (id, code, region) values (4, null, 'EU')")
  }, 120_000)
  afterAll(() => db?.stop())

  function sentOf(text: string, predicates: 'equality' | 'on-mask' = 'equality') {
    const sent = db.rewritten(text, predicates)
    if (sent.kind === 'refused') throw new Error(`refused: ${sent.why}`)
    return sent
  }

  async function rows(text: string, values: readonly unknown[] = [], predicates: 'equality' | 'on-mask' = 'equality') {
    await db.client.query('begin')
    try {
      const result = await db.client.query({
        text: sentOf(text, predicates).text,
        values: [...values],
        rowMode: 'array',
      })
      return result.rows
    } finally {
      await db.client.query('rollback')
    }
  }

  const counted = (text: string) => sentOf(text).lookups.map(({ values, lists }) => [values, ...lists])

  test.each<readonly [string, readonly unknown[], readonly number[], readonly (readonly number[])[]]>([
    ["select id from people where code = 'alpha'", [], [1], [[1]]],
    ["select id from people p where 'beta' = p.code", [], [2], [[1]]],
    ['select id from people where code = $1', ['gamma'], [3], [[1]]],
    ['select id from people where $1::text = code or code = $2::varchar', ['alpha', 'beta'], [1, 2], [[2]]],
    ["select id from people where code in ('alpha', $1, 'none') order by 1", ['beta'], [1, 2], [[3]]],
    ['select id from people where code = any ($1) order by 1', [['alpha', 'beta', null]], [1, 2], [[0, 0]]],
    ['select id from people where code = any ($1::text[]) order by 1', [['alpha', 'none']], [1], [[0, 0]]],
    ["select id from people where code = any (array['alpha', $1]) order by 1", ['gamma'], [1, 3], [[2]]],
    ["select id from people where code = any (array['alpha', $1]::text[]) order by 1", ['gamma'], [1, 3], [[2]]],
    ["select q.k from (select id as k, code as c from people) q where q.c = 'beta'", [], [2], [[1]]],
    ["with w as (select * from people) select w.id from w where w.code = 'beta'", [], [2], [[1]]],
    ["select id from people join tokens using (id) where people.code = 'alpha'", [], [1], [[1]]],
    [
      "select p.id from people p left join tokens t on t.code = p.code and p.code = 'alpha' where t.id is not null",
      [],
      [1],
      [[1]],
    ],
    ["select sum(case when code = 'alpha' then 1 else 0 end)::int from people", [], [1], [[1]]],
    ["select id from people where not (code = 'alpha') order by 1", [], [2, 3], [[1]]],
    ["select id from people where exists (select 1 from fixes where people.code = 'alpha')", [], [1], [[1]]],
    ["select id from tokens where padded = 'alpha'", [], [1], [[1]]],
    ['select id from tokens where token = $1', ['00000000-0000-4000-8000-000000000002'], [2], [[1]]],
    ["select id from tokens where token = '00000000-0000-4000-8000-000000000001'::uuid", [], [1], [[1]]],
    ['select id from tokens where token = any ($1)', [['00000000-0000-4000-8000-000000000002']], [2], [[0, 0]]],
    ["select id from tokens where raw = '\\x02'", [], [2], [[1]]],
    ['select id from tokens where raw = $1', [Buffer.from([1])], [1], [[1]]],
    ["delete from people where code = 'alpha' returning id", [], [1], [[1]]],
    ["update people p set name = 'x' where p.code = $1 returning p.id", ['beta'], [2], [[1]]],
    [
      "merge into people p using fixes f on p.id = f.id and p.code = 'alpha' when matched then update set name = 'm'",
      [],
      [],
      [[1]],
    ],
    // Joins of two columns of one key compare hashes: what they show, they show anyway.
    ['select p.id from people p join tokens t on t.code = p.code', [], [1], []],
    ['select p.id from people p natural join (select code from tokens) t', [], [1], []],
  ])('%s', async (text, values, ids, lookups) => {
    expect((await rows(text, values)).flat()).toEqual(ids)
    expect(counted(text)).toEqual(lookups)
  })

  test.each([
    "select id from people where code like 'alpha'",
    "select id from people where code > 'alpha' and code < 'alphb'",
    "select id from people where code || '' = 'alpha'",
    "select id from people where lower(code) = 'alpha'",
    "select id from people where code = lower('ALPHA')",
    "select id from people where code = (select 'alpha')",
    "select id from people where code in (values ('alpha'), ('beta'))",
    "select p.id from people p join (values ('alpha')) v(x) on p.code = v.x",
    "select id from people where (code, id) = ('alpha', 1)",
    "select id from people where code = 'al' 'pha'",
    "select id from people where code = 'alpha'::varchar(5)",
    "select id from people where code between 'alpha' and 'alpha'",
    "select id from people where code is not distinct from 'alpha'",
    "select id from (select code, id from people union all select 'x', 9) u where u.code = 'alpha'",
    "select 1 from people group by code having max(code) = 'alpha'",
    'select id from people p where p.code = (select plain from tokens where id = 1)',
    "select id from people where nullif(code, 'alpha') is null and code is not null",
    "select id from people where position('alpha' in code) > 0",
    "select id from people where 'alpha' = any (array[code])",
    "select id from people where code = all (array['alpha'])",
  ])('all else sees the mask: %s', async text => {
    const sent = db.rewritten(text, 'equality')
    if (sent.kind === 'refused') return
    expect(sent.lookups).toEqual([])
    expect(await rows(text)).toEqual([])
  })

  test('nothing is looked up where the policy does not say so', async () => {
    const text = "select id from people where code = 'alpha'"
    expect(sentOf(text, 'on-mask').lookups).toEqual([])
    expect(await rows(text, [], 'on-mask')).toEqual([])
  })

  test.each<readonly [string, readonly number[]]>([
    ["insert into people (id, code) values (9, 'delta')", [1]],
    ["insert into people (id, code) values (8, 'delta'), (9, $1), (10, default)", [2]],
    ["insert into people (code, id) values ('alpha', 9) on conflict (id) do update set code = excluded.code", [1]],
    ["update people set code = 'alpha' where id = 2", [1]],
    ["update people set code = default where code = 'x'", [1]],
    [
      "merge into people p using fixes f on p.id = f.id when matched then update set code = $1 when not matched then insert (id, code) values (f.id, 'b')",
      [2],
    ],
    ["insert into people values (9, 'n', 's', null, 'delta')", [1]],
  ])('what is assigned counts as looked up: %s', (text, counts) => {
    expect(sentOf(text).lookups.map(({ values }) => values)).toEqual(counts)
  })

  test.each([
    'insert into people (id, code) select id, new_ssn from fixes',
    "insert into people (id, code) select id, 'a' || id from fixes",
    "insert into people (id, code) values (9, md5('a'))",
    'copy people (id, code) from stdin',
    'copy people from stdin',
    'update people p set code = f.new_ssn from fixes f where f.id = p.id',
    'merge into people p using fixes f on p.id = f.id when not matched then insert (id, code) values (f.id, f.new_ssn)',
    "insert into people (id, name, code) values (1, 'alpha', 'b') on conflict (id) do update set code = excluded.name",
  ])('what is assigned and can not be counted is refused: %s', text => {
    expect(db.rewritten(text, 'equality')).toMatchObject({ kind: 'refused', code: 'CANNOT_MASK' })
  })

  test('preparing looks nothing up; declaring a cursor does', () => {
    expect(sentOf('prepare p(text[]) as select id from people where code = any ($1)').lookups).toEqual([])
    expect(sentOf("declare c cursor for select id from people where code = 'alpha'").lookups).toHaveLength(1)
  })

  test('parameters keep the types that they had', async () => {
    const types = async (sql: string, name: string) => {
      await db.client.query(`prepare ${name} as ${sql}`)
      const found = await db.client.query(
        `select parameter_types::text from pg_prepared_statements where name = '${name}'`,
      )
      return found.rows
    }
    const texts = [
      'select 1 from people where code = $1 or code = any ($2)',
      'select 1 from tokens where padded = $1 or token = $2 or raw = $3 or token = any ($4) or padded = any ($5) or raw in ($6)',
    ]
    for (const [index, text] of texts.entries())
      expect(await types(sentOf(text).text, `hashed${index}`)).toEqual(await types(text, `plain${index}`))
  })
})
