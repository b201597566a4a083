import type { PostgresServer } from '@querywarden/dev-servers'
import { compilePolicy, decide, parsePolicy } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresClassifier, postgresClassifier } from '../src/postgres/classify.ts'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { catalogOf, openAdversarialDatabase } from './adversarial-database.ts'

const POLICY = compilePolicy(
  parsePolicy({
    version: 1,
    rules: [{ id: 'work', decision: 'allow', what: { effects: ['read', 'write'] } }],
    masks: [
      { columns: ['public.customers.ssn', 'public.customers.email', 'public.customers.notes'], with: 'redact' },
      { columns: ['public.cards.pan', 'lab.people.ssn'], with: 'redact' },
    ],
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

const trigger = (name: string, on: string, body: string): readonly string[] => [
  `create function lab.${name}() returns trigger language plpgsql as $$ begin ${body} end $$`,
  `create trigger ${name} ${on} for each row execute function lab.${name}()`,
]

/** A database with one thing more in it, and a statement that sets that off. */
interface Case {
  readonly name: string
  readonly setup: readonly string[]
  readonly cleanup: readonly string[]
  readonly sql: string
  /** CANNOT_MASK, NO_RULE_ALLOWS (for what the policy allows to nobody), or null where it may run. */
  readonly refused: string | null
}

const onPeople = (name: string, when: string, body: string, sql: string, refused: string | null): Case => ({
  name,
  setup: trigger('fires', `${when} on lab.people`, body),
  cleanup: ['drop trigger fires on lab.people', 'drop function lab.fires'],
  sql,
  refused,
})

const UPDATE = 'update lab.people set note = 1 where id = 1'

const CASES: readonly Case[] = [
  onPeople('keeps a time', 'before update', 'new.at := now(); return new;', UPDATE, null),
  onPeople(
    'compares',
    'before update',
    'if new.ssn is distinct from old.ssn then return old; end if; return new;',
    UPDATE,
    null,
  ),
  onPeople('gives either row', 'before update', 'return coalesce(new, old);', UPDATE, null),
  onPeople('trims its own column', 'before update', 'new.ssn := btrim(new.ssn); return new;', UPDATE, null),
  onPeople(
    'logs an unmasked column',
    'after update',
    'insert into lab.log values (new.id::text); return null;',
    UPDATE,
    null,
  ),
  onPeople(
    'logs a masked column',
    'after update',
    'insert into lab.log values (new.ssn); return null;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'logs the row',
    'after update',
    'insert into lab.log values (old::text); return null;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'logs all columns',
    'after update',
    'insert into lab.log select row_to_json(row(old.*)); return null;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'logs it as JSON, on delete',
    'after delete',
    'insert into lab.log values (to_jsonb(old)); return null;',
    'delete from lab.people where id = 1',
    'CANNOT_MASK',
  ),
  onPeople('copies to another column', 'before update', 'new.note := new.ssn; return new;', UPDATE, 'CANNOT_MASK'),
  onPeople(
    'copies by a variable',
    'before update',
    'tg_argv[0] := old.ssn; new.note := tg_argv[0]; return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'casts in a condition',
    'before update',
    'if old.ssn::int > 5 then return old; end if; return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  {
    name: 'logs it by an alias of the row',
    setup: [
      `create function lab.fires() returns trigger language plpgsql as $$
         declare was alias for old; is_now alias for new; begin insert into lab.log values (was.ssn); return is_now; end $$`,
      'create trigger fires before update on lab.people for each row execute function lab.fires()',
    ],
    cleanup: ['drop trigger fires on lab.people', 'drop function lab.fires'],
    sql: UPDATE,
    refused: 'CANNOT_MASK',
  },
  onPeople(
    'logs the row by the name of its block',
    'after update',
    'insert into lab.log values (fires.old::text); return null;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'compares by an operator of the database',
    'before update',
    'if old.ssn operator(lab.===) new.ssn then return old; end if; return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'reads it in the error of a condition',
    'before update',
    'begin if old.ssn then null; end if; exception when others then new.note := sqlerrm; end; return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople('raises it', 'before update', "raise notice 'was %', old.ssn; return new;", UPDATE, 'CANNOT_MASK'),
  onPeople('hands it to a function', 'before update', 'perform lab.keep(old.ssn); return new;', UPDATE, 'CANNOT_MASK'),
  onPeople(
    'runs SQL with it',
    'before update',
    "execute 'insert into lab.log values ($1)' using old.ssn; return new;",
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'looks it up',
    'before update',
    'perform 1 from lab.log l where l.line = old.ssn; return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'logs what the client sends',
    'after insert',
    'insert into lab.log values (new.ssn); return null;',
    "insert into lab.people values (9, 'x')",
    null,
  ),
  onPeople(
    'logs by upsert',
    'after update',
    'insert into lab.log values (new.ssn); return null;',
    "insert into lab.people values (9, 'x') on conflict (id) do update set note = 'y'",
    'CANNOT_MASK',
  ),
  onPeople(
    'logs by merge',
    'after update',
    'insert into lab.log values (new.ssn); return null;',
    "merge into lab.people p using (select 1) s on p.id = 1 when matched then update set note = 'x'",
    'CANNOT_MASK',
  ),
  onPeople(
    'fires on a column that is assigned',
    'after update of note',
    'insert into lab.log values (new.ssn); return null;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'fires on a column that is not',
    'after update of ssn',
    'insert into lab.log values (new.ssn); return null;',
    UPDATE,
    null,
  ),
  onPeople(
    'fills from a masked relation',
    'before update',
    'new.note := (select c.ssn from public.customers c where c.id = new.id); return new;',
    UPDATE,
    'CANNOT_MASK',
  ),
  onPeople(
    'fills from an unmasked column',
    'before update',
    'new.note := (select c.name from public.customers c where c.id = new.id); return new;',
    UPDATE,
    null,
  ),
  onPeople(
    'does what no rule allows',
    'after update',
    "perform pg_notify('a', 'b'); return null;",
    UPDATE,
    'NO_RULE_ALLOWS',
  ),
  {
    name: 'a transition table by the name of another relation',
    setup: [
      'create table public.lookup (ssn text)',
      'create function lab.fires() returns trigger language plpgsql as $$ begin insert into lab.log select ssn from lookup; return null; end $$',
      'create trigger fires after update on lab.people referencing old table as lookup for each statement execute function lab.fires()',
    ],
    cleanup: ['drop trigger fires on lab.people', 'drop function lab.fires', 'drop table public.lookup'],
    sql: UPDATE,
    refused: 'NO_RULE_ALLOWS',
  },
  {
    name: 'a rule copies',
    setup: ['create rule copies as on update to lab.people do also insert into lab.log values (old.ssn)'],
    cleanup: ['drop rule copies on lab.people'],
    sql: UPDATE,
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a rule reads a masked relation',
    setup: ['create rule copies as on update to lab.log do also insert into lab.log select ssn from public.customers'],
    cleanup: ['drop rule copies on lab.log'],
    sql: "update lab.log set line = 'x' where line = 'y'",
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a cascade fires the trigger of the other relation',
    setup: [
      'alter table lab.log add column person int references lab.boss (id) on delete cascade',
      ...trigger(
        'fires',
        'after delete on lab.log',
        'insert into public.feedback (body) select ssn from public.customers; return null;',
      ),
    ],
    cleanup: ['drop trigger fires on lab.log', 'drop function lab.fires', 'alter table lab.log drop column person'],
    sql: 'delete from lab.boss where id = 1',
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a default reads',
    setup: ['alter table lab.log alter column line set default public.find_ref(1)'],
    cleanup: ['alter table lab.log alter column line drop default'],
    sql: 'insert into lab.log default values',
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a default reads, by COPY',
    setup: ['alter table lab.log alter column line set default public.find_ref(1)'],
    cleanup: ['alter table lab.log alter column line drop default'],
    sql: 'copy lab.log from stdin',
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a default that is asked for reads',
    setup: ['alter table lab.log alter column line set default public.find_ref(1)'],
    cleanup: ['alter table lab.log alter column line drop default'],
    sql: "update lab.log set line = default where line = 'x'",
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a default that the planner computes is shown by EXPLAIN',
    setup: ['alter table lab.log alter column line set default public.frozen_ref(1)'],
    cleanup: ['alter table lab.log alter column line drop default'],
    sql: 'explain verbose insert into lab.log default values',
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a check reads',
    setup: ['alter table lab.log add constraint c check (public.find_ref(length(line)) is not null) not valid'],
    cleanup: ['alter table lab.log drop constraint c'],
    sql: "insert into lab.log values ('x')",
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a check hands a masked column to a function that computes',
    setup: ['alter table lab.people add constraint c check (lab.fits(ssn)) not valid'],
    cleanup: ['alter table lab.people drop constraint c'],
    sql: UPDATE,
    refused: null,
  },
  {
    name: 'a check hands a masked column to a function that tells',
    setup: ['alter table lab.people add constraint c check (lab.tells(ssn)) not valid'],
    cleanup: ['alter table lab.people drop constraint c'],
    sql: UPDATE,
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a computed column reads',
    setup: ['alter table lab.log add column ref text generated always as (public.frozen_ref(length(line))) stored'],
    cleanup: ['alter table lab.log drop column ref'],
    sql: "insert into lab.log values ('x')",
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a policy reads',
    setup: [
      'create policy p on lab.log using (public.find_ref(length(line)) is not null)',
      'alter table lab.log enable row level security',
    ],
    cleanup: ['drop policy p on lab.log', 'alter table lab.log disable row level security'],
    sql: 'select * from lab.log',
    refused: 'CANNOT_MASK',
  },
  {
    name: 'a truncate that cascades',
    setup: [
      'create function lab.fires() returns trigger language plpgsql as $$ begin insert into public.feedback (body) select ssn from public.customers; return null; end $$',
      'create trigger fires after truncate on lab.minion execute function lab.fires()',
    ],
    cleanup: ['drop trigger fires on lab.minion', 'drop function lab.fires'],
    sql: 'truncate lab.boss cascade',
    refused: 'CANNOT_MASK',
  },
]

const TABLES: readonly string[] = [
  'create schema lab',
  'create table lab.people (id int primary key, ssn text, note text, at timestamptz)',
  'create table lab.log (line text)',
  'create table lab.boss (id int primary key)',
  'create table lab.minion (id int references lab.boss)',
  'create function lab.keep(text) returns void language plpgsql as $$ begin insert into lab.log values ($1); end $$',
  "create function lab.fits(text) returns boolean immutable language plpgsql as $$ begin return $1 ~ '^[0-9-]+$'; end $$",
  'create function lab.equals(text, text) returns boolean language plpgsql as $$ begin insert into lab.log values ($1); return true; end $$',
  'create operator lab.=== (function = lab.equals, leftarg = text, rightarg = text)',
  "create function lab.tells(text) returns boolean language plpgsql as $$ begin raise notice '%', $1; return true; end $$",
]

describe.each([15, 18] as const)('L1: what relations do by themselves with masked columns, by PostgreSQL %i', major => {
  let server: PostgresServer
  let classifier: PostgresClassifier
  beforeAll(async () => {
    classifier = await postgresClassifier({ majors: [major], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
    server = (await openAdversarialDatabase(TABLES, major)).server
  }, 120_000)
  afterAll(async () => server?.stop())

  const refusalOf = async (sql: string): Promise<string | null> => {
    const facts = classifier.classify({ dialect: 'postgres', text: sql, params: [] }, await catalogOf(server))
    const decision = decide(POLICY, { principal: AGENT, target: { name: 'app', dialect: 'postgres' }, facts })
    return decision.kind === 'deny' ? decision.refusal.code : null
  }

  test.each(CASES)('$name', async ({ setup, cleanup, sql, refused }) => {
    expect(await refusalOf(sql)).toBe(null)
    for (const each of setup) await server.exec(each)
    const code = await refusalOf(sql)
    for (const each of cleanup) await server.exec(each)
    expect(code).toBe(refused)
  })
})
