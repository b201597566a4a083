import { compilePolicy, decide, type MaskSql, parsePolicy } from '@querywarden/policy-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../src/postgres/limits.ts'
import { DEFAULT_THREAD_LIMITS, guardedClassifier } from '../src/postgres/threads/guarded-classifier.ts'
import { masksOf } from './rewriting.ts'
import { halfMask, isMaskedHere, openViewsWorld, seen, type ViewsWorld } from './views-world.ts'

const PRINCIPAL = {
  issuer: 'https://idp.example',
  subject: 'agent',
  groups: [],
  actor: null,
  expiresAt: Number.MAX_SAFE_INTEGER,
  credentialDigest: null,
}

const doubling = Array.from({ length: 12 }, (_, at) => {
  const below =
    at === 0 ? 'select upper(ssn) as s from customers' : `select a.s from wide_${at - 1} a, wide_${at - 1} b`
  return `create view wide_${at} as ${below};`
}).join('\n')
const deep = Array.from({ length: 40 }, (_, at) => {
  const below = at === 0 ? 'select upper(ssn) as s from customers' : `select s || '' as s from deep_${at - 1}`
  return `create view deep_${at} as ${below};`
}).join('\n')

const MORE = `
create table guarded (id int, owner text, secret text);
insert into guarded values (1, 'postgres', 'aaaaaa'), (2, 'asker', 'bbbbbb'), (3, 'asker', 'cccccc');
alter table guarded enable row level security;
create policy own on guarded using (owner = current_user);
create view over_guarded as select id, upper(secret) as s from guarded;
create view over_over_guarded with (security_invoker) as select id, s || '' as s from over_guarded;
create view copies_of_guarded as select id, secret from guarded;
create view invoker_guarded with (security_invoker) as select id, left(secret, 2) as s from guarded;
create view v_sorted as select id, ssn from customers order by ssn, id;
create view v_where_is as select id, ctid as place, upper(ssn) as s from customers;
create view v_tells with (security_barrier) as select id, ssn || '' as s from customers where name = 'name 3';
create view v_of_classes as select c.relname, k.ssn || '' as s from pg_class c, customers k where c.relname = 'customers' and k.id = 1;
create function tell(int) returns boolean language plpgsql immutable cost 0.0001
  as $$ begin raise notice 'told %', $1; return true; end $$;
${doubling}
${deep}
do $$ begin create role asker; exception when duplicate_object then null; end $$;
grant usage on schema hr, billing to asker;
grant select on all tables in schema public, hr, billing to asker;
`

/** Of columns that only the views above read. */
const isMaskedToo: typeof isMaskedHere = (relation, column) =>
  isMaskedHere(relation, column) || (relation.name === 'guarded' && column.name === 'secret')

describe.each([15, 18] as const)('views over masked columns, on PostgreSQL %i', major => {
  let world: ViewsWorld
  beforeAll(async () => {
    world = await openViewsWorld(major, MORE)
  }, 120_000)
  afterAll(() => world?.stop())

  const sent = (text: string): string => {
    const rewriting = world.rewrite(text)
    if (rewriting.kind === 'impossible') throw new Error(`${text}: ${rewriting.why}`)
    return rewriting.text
  }

  /** The masked database must show what a database of the masks at rest shows (design.md section 6). */
  const alike = async (text: string): Promise<void> => {
    const [found, meant] = [await seen(world.masked, sent(text)), await seen(world.atRest, text)]
    expect(found, text).toEqual(meant)
    expect(found, text).toHaveProperty('rows')
  }

  test.each([
    'v_customers',
    'v_directory',
    'v_labels',
    'v_everyone',
    'v_doc',
    'v_row',
    'v_lateral',
    'v_filtered',
    'v_safe',
    'v_groups',
    'v_distinct',
    'v_first',
    'v_mixed',
    'v_copies',
    'v_joined',
    'v_window',
    'v_barrier',
    'v_barrier_copies',
    'v_invoker',
    'v_chain',
    'v_with',
    'v_only',
    'v_family',
    'v_sample',
    'v_ibans',
    'v_typed',
    'v_using',
    'v_sub',
    '"Odd ""view"""',
    'mv_directory',
    'v_over_stored',
  ])('%s shows what it would show of masked values (6.1)', async view => {
    await alike(`select * from ${view}`)
    await alike(`table ${view}`)
    await alike(`select v, v.*::text from ${view} v`)
    await alike(`select count(*), to_jsonb(x) from ${view} as x group by x order by x`)
  })

  const rewrite = (text: string, isMasked = isMaskedToo) => {
    const statement = { dialect: 'postgres', text, params: [] } as const
    const facts = world.pair.classify(statement, world.catalog)
    if (facts.kind === 'opaque') throw new Error(facts.message)
    return world.pair.rewrite(statement, facts, masksOf(facts.uses, isMasked), halfMask, world.catalog)
  }

  test('masks stand on the columns of a view that are copies, and all else of it stays as it is', () => {
    const oid = world.catalog.relations.get('["public","v_copies"]')?.oid
    const rewriting = rewrite('select status, pan from v_copies')
    expect(rewriting).toMatchObject({ proven: [{ oid, attnums: [1, 2] }] })
    expect(rewriting).toMatchObject({
      text: expect.stringContaining('FROM "public"."v_copies" AS "qw") AS "v_copies"'),
    })
    expect(rewrite('select id, shout from v_safe')).toEqual({
      kind: 'rewritten',
      text: 'select id, shout from v_safe',
      proven: [{ oid: world.catalog.relations.get('["public","v_safe"]')?.oid, attnums: [1, 2, 3] }],
    })
    for (const text of [
      'explain select * from v_safe',
      'select v_safe.id from v_safe',
      'copy (table v_safe) to stdout',
    ])
      expect(rewrite(text)).toMatchObject({ text })
  })

  test.each([
    ['v_filtered', 'a condition'],
    ['v_distinct', 'DISTINCT'],
    ['v_groups', 'an aggregate'],
    ['v_first', 'ORDER BY'],
    ['v_window', 'a window'],
    ['v_joined', 'a join'],
    ['v_sub', 'a subquery'],
    ['v_everyone', 'a set operation'],
    ['v_doc', 'a whole row'],
    ['v_row', 'a row as a value'],
    ['v_lateral', 'LATERAL'],
    ['v_with', 'a WITH query'],
    ['v_mixed', 'a view that computes'],
  ])('a definition that looks at masked columns is no mere copy: %s, by %s (6.1)', view => {
    expect(rewrite(`select 1 from ${view}`)).toMatchObject({
      text: expect.stringContaining(' AS "qw" ("'),
    })
  })

  test.each([
    ['mv_groups', /stores rows that no mask reaches/],
    ['over_guarded', /row security/],
    ['over_over_guarded', /row security/],
    ['v_where_is', /system column `ctid`/],
    ['wide_11', /longer than 65536 characters/],
    ['deep_39', /more views than are followed/],
  ])('%s is refused, with the reason', (view, why) => {
    const text = `select 1, (select max(id) from customers) from ${view}`
    const rewriting = rewrite(text)
    expect(rewriting).toMatchObject({
      kind: 'impossible',
      why: expect.stringMatching(why),
      place: { start: text.indexOf(view) },
    })
    if (rewriting.kind === 'impossible') expect(rewriting.hint).not.toBe('')
  })

  test('views with row security behind them keep the rows that they have', async () => {
    const as = async (text: string) => {
      const rewriting = rewrite(text)
      if (rewriting.kind === 'impossible') throw new Error(rewriting.why)
      await world.masked.query('set role asker')
      const found = await seen(world.masked, rewriting.text)
      await world.masked.query('reset role')
      return found
    }
    expect(await as('select * from copies_of_guarded')).toMatchObject({
      rows: ['["1","aaa~"]', '["2","bbb~"]', '["3","ccc~"]'],
    })
    expect(await as('select * from invoker_guarded')).toMatchObject({ rows: ['["2","bb"]', '["3","cc"]'] })
  })

  test('conditions run on no row that a security_barrier keeps from them', async () => {
    const told: (string | undefined)[] = []
    world.masked.on('notice', ({ message }) => told.push(message))
    await world.masked.query(sent('select id from v_tells where tell(id)'))
    expect(told.sort()).toEqual(['told 13', 'told 18', 'told 3', 'told 8'])
  })

  test('what a definition names is not what a WITH query of the statement goes by (6.2)', async () => {
    for (const text of [
      'select * from v_of_classes',
      "with pg_class as (select 'customers' as relname union all select 'customers') select v.* from v_of_classes v, pg_class",
      'with v_customers as (select 1 as id) select d.code, v_customers.id from v_mixed d join v_customers on v_customers.id = d.ref cross join v_of_classes',
    ])
      await alike(text)
  })

  test('a mask on the view itself comes on top', async () => {
    const own: typeof isMaskedHere = (relation, column) =>
      isMaskedToo(relation, column) || (relation.name === 'v_labels' && column.name === 'caption')
    const rewriting = rewrite('select caption from v_labels where id = 1', own)
    if (rewriting.kind === 'impossible') throw new Error(rewriting.why)
    expect(rewriting.text).toContain('::character varying(40) AS "email"')
    expect(await seen(world.masked, rewriting.text)).toMatchObject({ rows: ['["nam~"]'] })
    const alone: typeof isMaskedHere = (relation, column) => relation.name === 'v_safe' && column.name === 'shout'
    expect(rewrite('select shout from v_safe', alone)).toMatchObject({
      text: expect.stringMatching(/AS "shout".* FROM "public"."v_safe" AS "qw"\) AS "v_safe"/),
    })
  })

  test('a mask on the view that its column is shown through already is not put over itself', async () => {
    const text = 'select ssn from v_sorted where ssn is not null'
    const twice: typeof isMaskedHere = (relation, column) =>
      isMaskedHere(relation, column) || (relation.name === 'v_sorted' && column.name === 'ssn')
    expect(rewrite(text, twice)).toEqual({ ...rewrite(text, isMaskedHere), kind: 'rewritten' })
    await alike(text)
    // Of what is computed from masks nothing is known, and its own mask is put over it.
    const computed: typeof isMaskedHere = (relation, column) =>
      isMaskedHere(relation, column) || (relation.name === 'v_tells' && column.name === 's')
    expect(rewrite('select s from v_tells', computed)).not.toEqual(rewrite('select s from v_tells', isMaskedHere))
  })

  /** By a policy, with the kind of each mask in the place of its value. */
  const byPolicy = (text: string) => {
    const policy = compilePolicy(
      parsePolicy({
        version: 1,
        rules: [{ id: 'all', decision: 'allow', what: { effects: ['read'] } }],
        masks: [
          { columns: ['public.customers.email'], with: 'email' },
          { columns: ['public.customers.ssn'], with: 'redact' },
          { columns: ['public.v_directory.code'], with: 'null' },
        ],
      }),
      { version: 'test' },
    )
    const statement = { dialect: 'postgres', text, params: [] } as const
    const facts = world.pair.classify(statement, world.catalog)
    const decision = decide(policy, { principal: PRINCIPAL, target: { name: 'app', dialect: 'postgres' }, facts })
    if (decision.kind !== 'allow' || facts.kind === 'opaque') throw new Error('not allowed')
    return { statement, facts, masks: decision.obligations.masks }
  }
  const kinds: MaskSql = ({ kind }, { type }) => `'${kind}'::${type}`

  test('a copy is masked as the column that it is a copy of, or stricter where the policy names it (6.1)', () => {
    const textOf = (text: string): string => {
      const { statement, facts, masks } = byPolicy(text)
      const rewriting = world.pair.rewrite(statement, facts, masks, kinds, world.catalog)
      return rewriting.kind === 'rewritten' ? rewriting.text : rewriting.why
    }
    expect(textOf('select * from v_customers')).toContain(
      `"qw"."name", 'email'::character varying(40) AS "contact", 'redact'::text AS "tax_ref" FROM "public"."v_customers"`,
    )
    expect(textOf('select * from v_directory')).toContain(
      `'null'::text AS "code", 'email'::character varying(40) AS "handle" FROM "public"."v_directory"`,
    )
  })

  test('a definition compares no column that the policy keeps from predicates', () => {
    const { statement, facts, masks } = byPolicy('select * from v_filtered')
    const denied = masks.map(masked => ({
      ...masked,
      columns: masked.columns.map(column => ({ ...column, predicates: 'deny' as const })),
    }))
    expect(world.pair.rewrite(statement, facts, denied, kinds, world.catalog)).toMatchObject({
      kind: 'impossible',
      why: expect.stringMatching(/its definition compares `customers.ssn`/),
    })
  })

  test('long statements are rewritten in a thread to the same', async () => {
    const guarded = await guardedClassifier({
      majors: [major],
      cacheEntriesMax: 0,
      limits: DEFAULT_LIMITS,
      threads: { ...DEFAULT_THREAD_LIMITS, readMsMax: 500 },
    })
    const names = Array.from({ length: 300 }, (_, at) => `'name ${at}'`).join(', ')
    for (const view of ['v_customers', 'v_directory', 'v_labels', 'v_safe']) {
      const { statement, facts, masks } = byPolicy(`select * from ${view} where ${view}::text in (${names})`)
      const rewriting = guarded.rewrite(statement, facts, masks, kinds, world.catalog)
      expect(rewriting).toBeInstanceOf(Promise)
      expect(await rewriting).toEqual(world.pair.rewrite(statement, facts, masks, kinds, world.catalog))
      expect(await rewriting).toMatchObject({ kind: 'rewritten' })
    }
    await guarded.close()
  }, 60_000)
})
