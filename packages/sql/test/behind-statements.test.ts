import type { PostgresServer } from '@querywarden/dev-servers'
import { type Catalog, compilePolicy, decide, type Facts, parsePolicy } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { catalogOf, openAdversarialDatabase } from './adversarial-database.ts'
import { usesOf } from './uses.ts'

/** Everything but what is written to, or runs, where the statement doesn't say so. */
const POLICY = compilePolicy(
  parsePolicy({
    version: 1,
    rules: [
      {
        id: 'kept',
        decision: 'deny',
        what: { relations: ['lab.kept', 'lab.log'], access: ['insert', 'update', 'delete'] },
      },
      { id: 'unbounded', decision: 'deny', what: { unbounded: true } },
      {
        id: 'work',
        decision: 'allow',
        what: { effects: ['read', 'write', 'ddl', 'dcl', 'procedural', 'session', 'maintenance'] },
      },
    ],
    masks: [{ columns: ['lab.people.bio', 'lab.kept.ssn'], with: 'redact' }],
  }),
  { version: 'v1' },
)

const AGENT = {
  issuer: 'https://idp.example.com',
  subject: 'ada',
  groups: [],
  actor: null,
  expiresAt: 1,
  credentialDigest: null,
} as const

const SETUP: readonly string[] = [
  'create schema lab',
  'create table lab.log (line text)',
  'create table lab.mine (id int)',
  // Event triggers.
  `create function lab.logs() returns event_trigger language plpgsql as $$ begin insert into lab.log values (tg_tag); end $$`,
  `create function lab.hides() returns event_trigger language plpgsql as $$ begin execute format('insert into %s values (1)', 'lab.log'); end $$`,
  // Views.
  'create table lab.kept (id int, name text, ssn text)',
  'create table lab.other (id int)',
  'create view lab.simple as select id, name from lab.kept',
  'create view lab.nested as select id as n from lab.simple where id > 0',
  'create view lab.filtered as select id, name from lab.kept k where exists (select from lab.other o where o.id = k.id)',
  'create view lab.shows_ssn as select id, ssn from lab.kept',
  'create view lab.triggered as select id, name from lab.kept',
  'create function lab.nothing() returns trigger language plpgsql as $$ begin return null; end $$',
  'create trigger t instead of update on lab.triggered for each row execute function lab.nothing()',
  'create view lab.ruled as select id, name from lab.kept',
  'create rule r as on delete to lab.ruled do instead delete from lab.other where id = old.id',
  'create view lab.over_triggered as select id from lab.triggered',
  'create view lab."Quoted ""v" as select name from lab.kept',
  // Vectors.
  'create table lab.people (id int, title text, bio text, "Ünder x" text, vector tsvector, plain tsvector, config regconfig)',
  `create trigger fill before insert or update on lab.people for each row
     execute function tsvector_update_trigger('vector', 'pg_catalog.english', 'title', 'bio')`,
  `create trigger fill_plain before insert or update on lab.people for each row
     execute function tsvector_update_trigger_column('plain', 'config', 'title', 'Ünder x')`,
  'create view lab.found as select id, vector from lab.people',
  // Casts to JSON.
  `create type lab.mood as enum ('sad', 'happy')`,
  `create function lab.as_json(lab.mood) returns json language plpgsql as
     $$ begin insert into lab.log values ('made'); return '1'; end $$`,
]

/** Objects that change what many statements do, with how to be rid of them. */
const EXTRA = {
  logs: ['create event trigger logs on ddl_command_end execute function lab.logs()', 'drop event trigger logs'],
  tagged: [
    "create event trigger tagged on ddl_command_start when tag in ('CREATE TABLE', 'CREATE TABLE AS') execute function lab.logs()",
    'drop event trigger tagged',
  ],
  drops: ['create event trigger drops on sql_drop execute function lab.logs()', 'drop event trigger drops'],
  rewrites: [
    'create event trigger rewrites on table_rewrite execute function lab.logs()',
    'drop event trigger rewrites',
  ],
  hides: ['create event trigger hides on ddl_command_start execute function lab.hides()', 'drop event trigger hides'],
  disabled: [
    'create event trigger disabled on ddl_command_start execute function lab.logs(); alter event trigger disabled disable',
    'drop event trigger disabled',
  ],
  cast: ['create cast (lab.mood as json) with function lab.as_json(lab.mood)', 'drop cast (lab.mood as json)'],
} as const

const LOGS = 'write insert lab.log'

describe.each([15, 18] as const)('what runs behind a statement, by PostgreSQL %i', major => {
  let server: PostgresServer
  let catalog: Catalog
  let classifier: PostgresClassifier
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    const opened = await openAdversarialDatabase(SETUP, major)
    server = opened.server
    catalog = opened.catalog
  }, 120_000)
  afterAll(async () => server?.stop())

  const factsOf = (text: string, by: Catalog = catalog): Facts =>
    classifier.classify({ dialect: 'postgres', text, params: [] }, by)
  const lines = (text: string, by: Catalog = catalog): readonly string[] => usesOf(factsOf(text, by))
  const refusal = (text: string): string | null => {
    const decision = decide(POLICY, {
      principal: AGENT,
      target: { name: 'app', dialect: 'postgres' },
      facts: factsOf(text),
    })
    return decision.kind === 'deny' ? decision.refusal.code : null
  }
  /** How many lines the code of the database writes while a statement runs, which is undone. */
  const logged = async (sql: string): Promise<number> => {
    const [row] = await server.exec(`begin; delete from lab.log; ${sql}; select count(*)::int as count from lab.log`)
    return Number(row?.['count'])
  }
  const withExtra = async (name: keyof typeof EXTRA, run: (by: Catalog) => void | Promise<void>): Promise<void> => {
    const [make, drop] = EXTRA[name]
    await server.exec(make)
    try {
      await run(await catalogOf(server))
    } finally {
      await server.exec(drop)
    }
  }

  describe('event triggers', () => {
    const COMMANDS = [
      'create table lab.new (id int)',
      'create table lab.new as select 1 as id',
      'select 1 as id into lab.new',
      'create index on lab.mine (id)',
      'alter table lab.mine add column more int',
      'alter table lab.mine alter column id type bigint',
      'alter table lab.mine drop column id',
      'drop table lab.mine',
      'drop owned by nobody_at_all',
      'create or replace view lab.simple as select id, name from lab.kept',
      'create materialized view lab.new as select 1',
      'grant select on lab.mine to public',
      'revoke select on lab.mine from public',
      "comment on table lab.mine is 'x'",
      'alter default privileges in schema lab grant select on tables to public',
      'create schema new create table t (id int)',
      'drop schema public cascade',
      'do $$ begin create table lab.new (id int); end $$',
      'alter table lab.mine rename to yours',
    ]

    test.each(['logs', 'tagged', 'drops', 'rewrites', 'disabled'] as const)(
      'T1: a command sets off what the server says it does: %s',
      async name => {
        await server.exec('create role nobody_at_all')
        await withExtra(name, async by => {
          const wrong: string[] = []
          for (const sql of COMMANDS) {
            const isLogged = (await logged(sql)) > 0
            if (isLogged && !lines(sql, by).includes(LOGS)) wrong.push(`missed: ${sql}`)
            if (name === 'disabled' && lines(sql, by).includes(LOGS)) wrong.push(`not so: ${sql}`)
          }
          expect(wrong).toEqual([])
        })
        await server.exec('drop role nobody_at_all')
      },
    )

    test('one that can not be followed is unknown, and nothing but DDL sets any off', async () => {
      await withExtra('hides', by => {
        expect(lines('create table lab.new (id int)', by)).toContain('unknown call lab.hides')
        expect(lines('do $$ begin drop table lab.mine; end $$', by)).toContain('unknown')
        for (const sql of [
          'select 1',
          'insert into lab.mine values (1)',
          'begin',
          'explain create table lab.new as select 1',
        ])
          expect(lines(sql, by).join(), sql).not.toContain('unknown')
        expect(lines('create role r', by)).toEqual(['dcl'])
      })
    })

    test('who does it is named', async () => {
      await withExtra('tagged', by => {
        const facts = factsOf('create table lab.new (id int)', by)
        const vias =
          facts.kind === 'understood' ? facts.uses.flatMap(({ via }) => (via === undefined ? [] : [via])) : []
        expect(vias).toContainEqual({ kind: 'event-trigger', name: 'tagged' })
        expect(lines('create index on lab.mine (id)', by)).not.toContain(LOGS)
      })
    })
  })

  describe('views that are written through', () => {
    test.each([
      ["insert into lab.simple values (1, 'a')", ['write insert lab.kept', 'write insert lab.simple']],
      ["update lab.simple set name = 'a' where id = 1", ['write update lab.kept', 'write update lab.simple']],
      ['delete from lab.simple', ['write delete lab.kept unbounded', 'write delete lab.simple unbounded']],
      [
        'update lab.nested set n = 2 where n = 1',
        ['write update lab.kept', 'write update lab.nested', 'write update lab.simple'],
      ],
      [
        "insert into lab.simple values (1, 'a') on conflict do nothing",
        ['write insert lab.kept', 'write insert lab.simple'],
      ],
      ['insert into lab."Quoted ""v" values (1)', ['write insert lab."Quoted "v', 'write insert lab.kept']],
      // Something stands in for it.
      ["update lab.triggered set name = 'a' where id = 1", ['write update lab.triggered']],
      [
        'update lab.over_triggered set id = 2 where id = 1',
        ['write update lab.over_triggered', 'write update lab.triggered'],
      ],
      ['delete from lab.triggered where id = 1', ['write delete lab.kept', 'write delete lab.triggered']],
      ['delete from lab.ruled where id = 1', ['write delete lab.other', 'write delete lab.ruled']],
    ])('P3: %s', (sql, uses) => {
      expect(lines(sql).map(line => line.replace('lab.Quoted', 'lab."Quoted'))).toEqual([...uses].sort())
    })

    test('only the relation in FROM is written to', () => {
      const uses = lines("update lab.filtered set name = 'a' where id = 1")
      expect(uses).toContain('write update lab.kept')
      expect(uses.join()).not.toContain('lab.other')
    })

    test.each([
      ["insert into lab.simple values (1, 'a')", 'DENIED_BY_RULE'],
      ['update lab.nested set n = 2 where n = 1', 'DENIED_BY_RULE'],
      ['with w as (delete from lab.nested where n = 1 returning n) select n from w', 'DENIED_BY_RULE'],
      ["update lab.triggered set name = 'a' where id = 1", null],
      ['update lab.shows_ssn set id = 2 where id = 1', 'DENIED_BY_RULE'],
    ])('P3: a rule about a table is not gone round by a view: %s', (sql, code) => {
      expect(refusal(sql)).toBe(code)
    })

    test('a routine that writes through one', async () => {
      await server.exec('create function lab.through() returns void language sql as $$ delete from lab.nested $$')
      expect(lines('select lab.through()', await catalogOf(server))).toContain('write delete lab.kept unbounded')
      await server.exec('drop function lab.through()')
    })

    test('the catalog says what the server can write through', async () => {
      const rows = await server.exec(`
        select c.relname as name, pg_relation_is_updatable(c.oid, false) as events
          from pg_class c where c.relkind = 'v' and c.relnamespace = 'lab'::regnamespace`)
      for (const { name, events } of rows) {
        const known = catalog.relations.get(JSON.stringify(['lab', name]))?.writesTo?.accesses ?? []
        const replaced = name === 'ruled' ? ['delete'] : name === 'triggered' ? ['update'] : []
        for (const [access, bit] of [
          ['update', 4],
          ['insert', 8],
          ['delete', 16],
        ] as const)
          if ((Number(events) & bit) !== 0) expect([...known, ...replaced], String(name)).toContain(access)
      }
    })
  })

  describe('vectors of words', () => {
    const origins = (column: string): readonly string[] =>
      catalog.relations
        .get('["lab","people"]')
        ?.columns.find(({ name }) => name === column)
        ?.origins.map(origin => origin.column) ?? []

    test('show the columns that a trigger makes them from', () => {
      expect(origins('vector')).toEqual(['vector', 'title', 'bio'])
      expect(origins('plain')).toEqual(expect.arrayContaining(['title', 'Ünder x']))
      expect(origins('plain')).not.toContain('bio')
    })

    test('P1: of a masked column are as masked as it is', () => {
      const maskedIn = (sql: string): readonly string[] => {
        const target = { name: 'app', dialect: 'postgres' } as const
        const decision = decide(POLICY, { principal: AGENT, target, facts: factsOf(sql) })
        const masks = decision.kind === 'allow' ? decision.obligations.masks : []
        return masks.flatMap(({ relation, columns }) => columns.map(({ column }) => `${relation.name}.${column.name}`))
      }
      expect(maskedIn('select vector from lab.people')).toEqual(['people.bio', 'people.vector'])
      expect(maskedIn('select vector from lab.found')).toContain('found.vector')
    })
  })

  describe('casts to JSON', () => {
    // Of a value whose type no name in the text tells: a client says of what type a parameter is.
    const MAKERS = [
      'select to_json($1)',
      'select to_jsonb($1)',
      'select pg_catalog.to_json($1)',
      'select json_agg(s) from (select $1 as m) s',
      'select jsonb_agg($1)',
      'select json_build_object(1, $1)',
      'select jsonb_build_array($1)',
      'select json_object_agg(1, $1)',
      'select row_to_json(s) from (select $1 as m) s',
      'select s.to_json from (select $1 as m) s',
      'select (s).to_jsonb from (select $1 as m) s',
      'select array_to_json(array[$1])',
      'select $1::json',
      'select cast($1 as json)',
    ]
    const CONSTRUCTORS = [
      "select json_object('a': $1)",
      'select json_array($1)',
      'select json_array(select $1)',
      "select json_objectagg('a': $1)",
      'select json_arrayagg($1)',
      'select json_array($1 returning jsonb)',
      'select json_scalar($1)',
    ]
    const statements = major === 15 ? MAKERS : [...MAKERS, ...CONSTRUCTORS]

    test('T6: run where the server says that they do, and count', async () => {
      await withExtra('cast', async by => {
        for (const sql of statements) {
          const prepared = `prepare p (lab.mood) as ${sql}; execute p ('sad'); deallocate p`
          expect([sql, (await logged(prepared)) > 0]).toEqual([sql, true])
          expect([sql, lines(sql, by).includes(LOGS)]).toEqual([sql, true])
        }
      })
      for (const sql of statements) expect(lines(sql).join(), sql).not.toContain('write')
    })
  })

  describe('EXPLAIN of what makes a temporary table', () => {
    test.each([
      'explain create temp table t as select 1',
      'explain select 1 into temp t',
      'explain select 1 into temp t union select 2',
      'explain (select 1 into temp t union all select 2) except select 3',
    ])('T1: makes the schema for it: %s', async sql => {
      const [row] = await server.exec(`${sql}; select pg_my_temp_schema()::text as schema`)
      expect(row?.['schema']).not.toBe('0')
      expect(lines(sql)).toContain('ddl')
    })

    test('of another makes nothing', async () => {
      for (const sql of [
        'explain create table t as select 1',
        'explain select 1 into t',
        'explain declare c cursor for select 1',
      ])
        expect(lines(sql), sql).toEqual(['read'])
    })
  })

  describe('what a definition holds', () => {
    test.each([
      'create rule r as on insert to lab.log do also delete from lab.mine',
      'create function lab.f() returns void begin atomic delete from lab.mine; end',
    ])('is not run yet: %s', sql => {
      expect(lines(sql)).toContain('write delete lab.mine')
      expect(lines(sql)).toContain(sql.startsWith('create rule') ? 'ddl ddl lab.log' : 'ddl')
      expect(refusal(sql)).toBe(null)
    })
  })
})
