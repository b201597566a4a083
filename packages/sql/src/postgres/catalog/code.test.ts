import { type PostgresServer, startPostgres } from '@querywarden/dev-servers'
import { type Catalog, type CatalogRoutine, type Reaction, relationKey } from '@querywarden/policy-core'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCatalog } from './load-catalog.ts'

const WORLD = `
create role reader;
create schema lab;
create table lab.log (id bigint generated always as identity, what text);
create function lab.note(text) returns text language sql as 'insert into lab.log (what) values ($1) returning what';
create function lab.feigned(text) returns text language plpgsql immutable as 'begin perform lab.note($1); return $1; end';
create function lab.ok(text) returns boolean language sql immutable as 'select true';
create function lab.fires() returns trigger language plpgsql as 'begin return new; end';
create function lab.fires_too() returns trigger language plpgsql as 'begin return null; end';

create function lab.parsed(n int) returns int language sql begin atomic select count(*)::int + n from lab.log; end;
create function lab.returned(n int) returns int language sql return n + 1;
create function lab.many(text, n int default 1, variadic rest int[] default '{}') returns int language sql
  security definer set "Search_Path" = lab set work_mem = '1MB' as 'select 1';
create function public.many(date) returns int language sql as 'select 2';
create procedure lab.out_of(a int, out b int, c int default 3) language plpgsql as 'begin b := 1; end';
create aggregate lab.noted (text) (sfunc = lab.step, stype = text, finalfunc = lab.note, initcond = '');
create aggregate lab.sneaky (text, boolean) (sfunc = set_config, stype = text, initcond = 'role');
create aggregate lab.glued (text) (sfunc = textcat, stype = text);

create function lab.eq(text, text) returns boolean language plpgsql as 'begin perform lab.note($1); return true; end';
create function lab.eq_back(text, text) returns boolean language plpgsql as 'begin perform lab.note($2); return true; end';
create operator lab.=== (function = lab.eq, leftarg = text, rightarg = text, commutator = operator(lab.====));
create operator lab.==== (function = lab.eq_back, leftarg = text, rightarg = text, commutator = operator(lab.===));
create operator lab.~=~ (function = texteq, leftarg = text, rightarg = text);

create type lab.wide as (v int);
create function lab.wide_text(lab.wide) returns text language sql as 'select lab.note(''x'')';
create cast (lab.wide as text) with function lab.wide_text(lab.wide);
create domain lab.checked as text check (lab.ok(value));
create domain lab.setting as text check (set_config('role', value, false) = value);
create domain lab.plain as text check (value <> '');
create domain lab.over_checked as lab.checked;
create domain lab.numbered as bigint default nextval('lab.log_id_seq');
create type lab.range_plain as range (subtype = int4);
create function lab.diff(int, int) returns float8 language plpgsql immutable as 'begin return $1 - $2; end';
create type lab.range_diff as range (subtype = int4, subtype_diff = lab.diff);

create table lab.t (
  id serial primary key,
  at timestamptz default now(),
  quiet text default 'x' || 'y',
  noted text default lab.note('d'),
  numbered lab.numbered,
  loud text generated always as (lab.feigned('g')) stored,
  c text check (lab.ok(c)) check (c <> ''),
  ref int references lab.t on delete set null on update cascade
);
create index t_expression on lab.t (lab.feigned(c)) where lab.ok(quiet);
create index t_plain on lab.t (upper(c)) where c > '';
create statistics lab.t_statistics on (lab.feigned(c)), quiet from lab.t;
create table lab.excluded (c text, exclude using hash (c with =));
create trigger on_update after update of c on lab.excluded for each row execute function lab.fires();
create trigger on_when before insert on lab.excluded for each row when (lab.ok(new.c)) execute function lab.fires();
create trigger off before insert on lab.excluded for each row execute function lab.fires_too();
alter table lab.excluded disable trigger off;
create trigger elsewhere before insert on lab.excluded for each row execute function lab.fires_too();
alter table lab.excluded enable replica trigger elsewhere;
create trigger computes before insert on lab.excluded for each row
  execute function suppress_redundant_updates_trigger();

create table lab.whole (k text, n int) partition by list (lab.feigned(k));
create table lab.part partition of lab.whole for values in ('a');
create table lab.other partition of lab.whole for values in ('b');
create trigger on_delete before delete on lab.part for each row execute function lab.fires();
create trigger on_truncate before truncate on lab.part for each statement execute function lab.fires_too();
create trigger on_statement before insert on lab.part for each statement execute function lab.fires_too();
create table lab.parent (k text);
create table lab.child (extra text default lab.note('c'), check (lab.ok(extra))) inherits (lab.parent);
create trigger on_row before insert or update on lab.child for each row execute function lab.fires();

create table lab.guarded (owner text, k text);
alter table lab.guarded enable row level security;
create policy plain on lab.guarded using (owner = current_user);
create policy read on lab.guarded for select using (lab.ok(k)) ;
create policy looked_up on lab.guarded for update using (exists (select from lab.log)) with check (lab.ok(owner));
create policy setting on lab.guarded for insert with check (owner = current_setting('app.owner'));
create table lab.unguarded (k text);
create policy read on lab.unguarded using (lab.ok(k));

create view lab.over as select c, quiet from lab.t;
create view lab.over_over as select c from lab.over;
create view lab.over_guarded as select k from lab.guarded;
create materialized view lab.filled as select k from lab.guarded;
create view lab.instead as select c from lab.excluded;
create trigger stands_in instead of update on lab.instead for each row execute function lab.fires_too();
create view lab.calls as select id, lab.parsed(id) as n, c operator(lab.===) 'x' as same from lab.t;
create view lab.calls_on as select n from lab.calls;
create view lab.calls_more as select n, current_setting('app.x') from lab.calls;
create table lab.typed (one lab.checked);
create table lab.ruled (k text);
create rule also as on delete to lab.ruled do also insert into lab.log (what) values (old.k);
`
  // Aggregates want their functions first.
  .replace(
    'create aggregate lab.noted',
    `create function lab.step(text, text) returns text language sql as 'select lab.note($2)';\ncreate aggregate lab.noted`,
  )

const CHANGES = [
  "create or replace function lab.ok(text) returns boolean language sql immutable as 'select false'",
  'alter function lab.ok(text) volatile',
  'alter function lab.ok(text) security definer',
  'alter function lab.ok(text) set work_mem = 64',
  'create or replace function lab.returned(n int) returns int language sql return n + 2',
  'alter aggregate lab.glued (text) rename to joined',
  'create operator lab.=@= (function = lab.eq, leftarg = text, rightarg = text)',
  'create cast (lab.wide as int) with function lab.of_wide(lab.wide)',
  'alter domain lab.plain add check (lab.ok(value))',
  "alter table lab.t alter at set default '2024-01-01'::timestamptz + random() * interval '1 s'",
  'alter table lab.t add check (lab.ok(quiet))',
  'create index t_more on lab.t (lab.feigned(quiet))',
  'alter table lab.excluded enable trigger off',
  'create policy more on lab.guarded for delete using (lab.ok(k))',
  'alter table lab.unguarded enable row level security',
  'create rule more as on update to lab.ruled do also select 1',
  'alter table lab.excluded add foreign key (c) references lab.words on delete cascade',
  'create statistics lab.more on (lab.feigned(quiet)), c from lab.t',
]

describe.each([15, 18] as const)('code in the catalog of PostgreSQL %i', major => {
  let server: PostgresServer
  let client: Client
  let catalog: Catalog

  const load = () =>
    loadCatalog(async sql => (await client.query({ text: sql, rowMode: 'array' })).rows, { searchPath: ['public'] })

  beforeAll(async () => {
    server = await startPostgres({ major, database: 'code' })
    await server.exec(WORLD)
    await server.exec('create function lab.of_wide(lab.wide) returns int language sql as $$ select 1 $$')
    await server.exec('create table lab.words (c text primary key)')
    client = new Client({ connectionString: server.url })
    await client.connect()
    // The role that the gateway logs in as has no special rights.
    await client.query('set role reader')
    catalog = await load()
  }, 120_000)
  afterAll(async () => {
    await client?.end()
    await server?.stop()
  })

  const relation = (name: string, schema = 'lab') => {
    const found = catalog.relations.get(relationKey({ schema, name }))
    if (found === undefined) throw new Error(`no relation ${schema}.${name}`)
    return found
  }
  const names = (routines: readonly CatalogRoutine[] | undefined) =>
    routines?.map(({ schema, name }) => `${schema}.${name}`).sort()
  const functionOf = (name: string, schema = 'lab') =>
    catalog.userFunctions.get(name)?.find(one => one.schema === schema)
  const told = (reaction: Reaction): string => {
    const { kind, name, on } = reaction
    const what =
      kind === 'trigger'
        ? names([reaction.routine])
        : kind === 'cascade'
          ? `${reaction.access} ${reaction.relation.name}`
          : kind === 'rule'
            ? reaction.definition
            : reaction.expression
    return `${kind} ${name.replace(/^lab\./, '')} on ${on.join(', ')}: ${what}`
  }
  const reactionsOf = (name: string, kind?: Reaction['kind']) =>
    relation(name)
      .reactions.filter(reaction => kind === undefined || reaction.kind === kind)
      .map(told)
      .sort()

  test('T6: every function of a name is there, of all schemas, with what it takes and where it runs', () => {
    expect(catalog.userFunctions.get('many')).toHaveLength(2)
    expect(functionOf('many')).toMatchObject({
      kind: 'function',
      argumentTypes: [25, 23, 1007],
      argumentsMin: 1,
      argumentsMax: Number.POSITIVE_INFINITY,
      language: 'sql',
      volatility: 'volatile',
      isSecurityDefiner: true,
      body: 'select 1',
    })
    expect(functionOf('many')?.settings.get('search_path')).toBe('lab')
    expect(functionOf('out_of')).toMatchObject({
      kind: 'procedure',
      argumentTypes: [23, 23, 23],
      argumentsMin: 2,
      argumentsMax: 3,
    })
    expect(functionOf('feigned')).toMatchObject({ volatility: 'immutable', language: 'plpgsql' })
  })

  test('T6: a body that the server keeps parsed is read as it would run, names qualified', () => {
    expect(functionOf('parsed')?.body).toContain('lab.log')
    expect(functionOf('returned')?.body).toMatch(/RETURN .*n \+ 1/)
  })

  test('T6: an aggregate runs what it is made of, a function of the server that acts among it', () => {
    expect(names(functionOf('noted')?.supports)).toEqual(['lab.note', 'lab.step'])
    expect(names(functionOf('sneaky')?.supports)).toEqual(['pg_catalog.set_config'])
    expect(functionOf('glued')?.supports).toEqual([])
  })

  test('T6: an operator runs its commutator’s function too, as the planner likes', () => {
    expect(names(catalog.userOperators.get('==='))).toEqual(['lab.eq', 'lab.eq_back'])
    expect(names(catalog.userOperators.get('~=~'))).toEqual(['pg_catalog.texteq'])
  })

  test('T6: a type runs its casts and checks, through domains, and built-in functions that act', () => {
    expect(names(catalog.userTypes.get('wide'))).toEqual(['lab.wide_text'])
    expect(names(catalog.userTypes.get('checked'))).toEqual(['lab.ok'])
    expect(names(catalog.userTypes.get('over_checked'))).toEqual(['lab.ok'])
    expect(names(catalog.userTypes.get('setting'))).toEqual(['pg_catalog.set_config'])
    expect(names(catalog.userTypes.get('range_diff'))).toEqual(['lab.diff'])
    for (const name of ['plain', 'range_plain', 'numbered']) expect(catalog.userTypes.has(name)).toBe(false)
  })

  test('T6: defaults, computed columns, checks, indexes and statistics that run code are told, and those that compute are not', () => {
    expect(reactionsOf('t')).toEqual(
      [
        "default t.id on insert, update: nextval('lab.t_id_seq'::regclass)",
        "default t.noted on insert, update: lab.note('d'::text)",
        "default t.numbered on insert, update: nextval('lab.log_id_seq'::regclass)",
        "generated t.loud on insert, update: lab.feigned('g'::text)",
        'check t.t_c_check on insert, update: lab.ok(c)',
        'index t.t_expression on select, insert, update, delete, lock, maintain: lab.feigned(c)',
        'index t.t_expression on select, insert, update, delete, lock, maintain: lab.ok(quiet)',
        'index t.t_statistics on select, update, delete, maintain: lab.feigned(c)',
        'cascade t.t_ref_fkey on delete: update t',
        'cascade t.t_ref_fkey on update: update t',
        'cascade t.t_ref_fkey on truncate: truncate t',
      ].sort(),
    )
    expect(reactionsOf('log')).toEqual(["default log.id on insert, update: nextval('lab.log_id_seq'::regclass)"])
    expect(reactionsOf('words')).toEqual([])
  })

  test('T7: triggers that fire, with what runs in their WHEN and the columns that set them off', () => {
    expect(reactionsOf('excluded')).toEqual([
      'trigger excluded.on_update on update: lab.fires',
      'trigger excluded.on_when on insert: lab.fires',
    ])
    const [onUpdate, onWhen] = relation('excluded').reactions
    expect(onUpdate).toMatchObject({ columns: ['c'] })
    expect(onUpdate).not.toHaveProperty('definition')
    expect(onWhen).toMatchObject({ definition: expect.stringContaining('WHEN (lab.ok(new.c))') })
    expect(onWhen).not.toHaveProperty('columns')
  })

  test('T7: a statement on a parent sets off what its partitions do; one that moves rows also their deletes', () => {
    expect(reactionsOf('whole')).toEqual([
      'partition whole.partition key on insert, update: lab.feigned(k)',
      'trigger part.on_delete on delete, update: lab.fires',
      'trigger part.on_truncate on truncate: lab.fires_too',
    ])
    expect(reactionsOf('part')).toEqual([
      'partition whole.partition key on insert, update: lab.feigned(k)',
      'trigger part.on_delete on delete: lab.fires',
      'trigger part.on_statement on insert: lab.fires_too',
      'trigger part.on_truncate on truncate: lab.fires_too',
    ])
    expect(reactionsOf('parent')).toEqual([
      'check child.child_extra_check on update: lab.ok(extra)',
      'trigger child.on_row on update: lab.fires',
    ])
  })

  test('T7: row security counts where it is on, and where it runs code or reads another relation', () => {
    expect(reactionsOf('guarded')).toEqual([
      expect.stringMatching(/^policy guarded.looked_up on update, insert, lock: \(EXISTS [\s\S]*lab.log/),
      'policy guarded.looked_up on update, insert: lab.ok(owner)',
      'policy guarded.read on select, insert, update, delete, lock: lab.ok(k)',
      "policy guarded.setting on insert: (owner = current_setting('app.owner'::text))",
    ])
    expect(reactionsOf('unguarded')).toEqual([])
    const read = relation('guarded').reactions.find(({ name }) => name === 'lab.guarded.read')
    expect(read).toMatchObject({ clause: 'using' })
  })

  test('T7: a view sets off what it reads does, one whose trigger stands in only that, and filling one reads', () => {
    for (const view of ['over', 'over_over']) {
      expect(reactionsOf(view, 'check')).toEqual(['check t.t_c_check on insert, update: lab.ok(c)'])
      expect(reactionsOf(view, 'index')).toHaveLength(3)
    }
    expect(reactionsOf('over_guarded', 'policy').join()).toContain('guarded.read on select')
    expect(reactionsOf('filled')).toEqual(['policy guarded.read on maintain: lab.ok(k)'])
    expect(reactionsOf('instead')).toEqual([
      'trigger excluded.on_when on insert: lab.fires',
      'trigger instead.stands_in on update: lab.fires_too',
    ])
  })

  test('T7: a rule is told as the server has it', () => {
    expect(reactionsOf('ruled')[0]).toContain('ON DELETE TO lab.ruled DO  INSERT INTO lab.log')
  })

  test('what makes a view opaque is told where routines are all there is to it', () => {
    expect(relation('calls').opaque).toContain('its definition')
    expect(names(relation('calls').opaqueBy)).toEqual(['lab.eq', 'lab.eq_back', 'lab.parsed'])
    expect(names(relation('calls_on').opaqueBy)).toEqual(['lab.eq', 'lab.eq_back', 'lab.parsed'])
    expect(relation('calls_more')).toMatchObject({ opaque: expect.anything(), opaqueBy: [] })
    expect(names(relation('typed').opaqueBy)).toEqual(['lab.ok'])
    expect(relation('log')).toMatchObject({ opaque: null, opaqueBy: [] })
  })

  test('N3: a relation that another session is changing holds up nothing; what can’t be read of it is unknown', async () => {
    const other = new Client({ connectionString: server.url })
    await other.connect()
    await other.query('begin; lock table lab.ruled, lab.log, lab.guarded, lab.t in access exclusive mode')
    const meanwhile = await load()
    await other.query('rollback')
    await other.end()
    const ruled = meanwhile.relations.get(relationKey({ schema: 'lab', name: 'ruled' }))
    expect(ruled?.reactions).toMatchObject([{ kind: 'rule', on: ['delete'], definition: '' }])
    const parsed = meanwhile.userFunctions.get('parsed')?.[0]
    expect(parsed).toMatchObject({ name: 'parsed', body: null })
    expect(meanwhile.fingerprint).not.toBe(catalog.fingerprint)
    expect((await load()).fingerprint).toBe(catalog.fingerprint)
  })

  test('what another session makes for itself alone doesn’t make the schema another one', async () => {
    const other = new Client({ connectionString: server.url })
    await other.connect()
    await other.query(`
      create temp table own (id serial primary key, k text default lab.note('x'), twice text generated always as (lab.feigned(k)) stored);
      create temp table kin (id int references own on delete cascade) inherits (lab.parent);
      create temp table heir () inherits (own);
      create temp view shown as select k from own;
      create trigger fires before insert on own for each row execute function lab.fires();
      create domain pg_temp.held as text check (lab.ok(value));
      alter table own enable row level security;
      create policy mine on own using (lab.ok(k))`)
    const before = catalog.fingerprint
    const meanwhile = await load()
    await other.end()
    expect(meanwhile.fingerprint).toBe(before)
  })

  test('N1: the fingerprint moves with all of it', async () => {
    const seen = new Map([[catalog.fingerprint, 'before']])
    for (const change of CHANGES) {
      await server.exec(change)
      const { fingerprint } = await load()
      expect(seen.get(fingerprint), change).toBeUndefined()
      seen.set(fingerprint, change)
    }
  })
})
