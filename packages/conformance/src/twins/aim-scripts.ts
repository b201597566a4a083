import { aimedChange } from './aim-changes.ts'
import { type Aim, guess, shown, targetOf, wrong } from './aim-expressions.ts'
import { aimedQuery } from './aim-queries.ts'
import type { TwinScript, TwinStep } from './script.ts'

/** A script that is after what the masks hide. */
export function aimedScript(aim: Aim): TwinScript {
  const { random } = aim
  const isKept = random.oneIn(60)
  const texts = isKept ? definitions(aim) : random.pick(SCRIPTS)(aim)
  return { steps: texts.map(sql => stepOf(aim, sql)), isKept }
}

/** A text in one of the protocols; a text with a parameter in that which has them. */
export function stepOf(aim: Aim, sql: string): TwinStep {
  const { random } = aim
  if (sql.includes('$1') && !/\bprepare\b|\$1\$/i.test(sql))
    return { sql, mode: random.pick(['text', 'binary']), params: [unquoted(guess(aim))] }
  return { sql, mode: random.pick(['simple', 'simple', 'text', 'binary']) }
}

const unquoted = (literal: string): string =>
  literal.startsWith("'") ? literal.slice(1, -1).replaceAll("''", "'") : literal

type Make = (aim: Aim) => readonly string[]

const query: Make = aim => [aimedQuery(aim)]
const change: Make = aim => (aim.random.oneIn(3) ? [aimedChange(aim), aimedQuery(aim)] : [aimedChange(aim)])

const copy: Make = aim => {
  const { random } = aim
  const a = targetOf(aim, 'a')
  const format = random.pick([
    '',
    ' WITH (FORMAT csv, HEADER)',
    ' WITH (FORMAT binary)',
    " WITH (FORMAT csv, FORCE_QUOTE *, DELIMITER ';')",
    " WITH (NULL 'none')",
  ])
  return [
    random.pick([
      `COPY ${a.relation.sql} TO STDOUT${format}`,
      `COPY ${a.relation.sql} (id, ${a.masked.name}) TO STDOUT${format}`,
      `COPY (SELECT a.id, ${shown(aim, a)} FROM ${a.relation.sql} a ORDER BY a.id) TO STDOUT${format}`,
      `COPY (${aimedQuery(aim)}) TO STDOUT${format}`,
      `COPY (${aimedChange(aim)}) TO STDOUT${format}`,
      `COPY ${a.relation.sql} (id, name) FROM STDIN`,
    ]),
  ]
}

const cursor: Make = aim => [
  `DECLARE c ${aim.random.pick(['', 'SCROLL ', 'BINARY ', 'NO SCROLL '])}CURSOR FOR ${aimedQuery(aim)}`,
  aim.random.pick(['FETCH 2 FROM c', 'FETCH ALL FROM c', 'FETCH FORWARD 1 FROM c', 'MOVE 1 IN c']),
  aim.random.pick(['FETCH NEXT FROM c', 'FETCH PRIOR FROM c', 'MOVE ALL IN c', 'CLOSE c']),
]

const prepared: Make = aim => [
  `PREPARE p AS ${aimedQuery(aim).replaceAll('$1', guess(aim))}`,
  'EXECUTE p',
  aim.random.pick([
    'EXPLAIN EXECUTE p',
    'EXECUTE p',
    'DEALLOCATE p',
    'SELECT name, statement FROM pg_prepared_statements',
  ]),
]

const explain: Make = aim => {
  const options = aim.random.pick([
    '',
    '(COSTS OFF) ',
    '(VERBOSE, COSTS OFF) ',
    '(ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF, BUFFERS OFF) ',
    '(FORMAT JSON, COSTS OFF) ',
  ])
  return [`EXPLAIN ${options}${aim.random.oneIn(3) ? aimedChange(aim) : aimedQuery(aim)}`]
}

const code: Make = aim => {
  const a = targetOf(aim, 'a')
  const m = `a.${a.masked.name}`
  return [
    aim.random.pick([
      `DO $d$ DECLARE x text; BEGIN SELECT ${m}::text INTO x FROM ${a.relation.sql} a WHERE a.id = 1; RAISE NOTICE '%', x; END $d$`,
      `DO $d$ BEGIN IF EXISTS (SELECT FROM ${a.relation.sql} a WHERE ${wrong(aim, a).replace('$1', "'x'")}) THEN RAISE EXCEPTION 'yes'; END IF; END $d$`,
      `DO $d$ DECLARE r record; BEGIN FOR r IN SELECT * FROM ${a.relation.sql} LOOP RAISE INFO '%', r; END LOOP; END $d$`,
      `DO $d$ BEGIN EXECUTE 'SELECT 1/0 FROM ${a.relation.sql} WHERE ${a.masked.name} IS NULL'; END $d$`,
      'DO $d$ BEGIN PERFORM count(*) FROM public.plain; END $d$',
    ]),
  ]
}

const catalogs: Make = aim => {
  const a = targetOf(aim, 'a')
  const name = a.relation.name
  return [
    aim.random.pick([
      `SELECT * FROM pg_stats WHERE tablename = '${name}'`,
      `SELECT stanumbers1, stavalues1 FROM pg_statistic WHERE starelid = '${a.relation.sql}'::regclass`,
      'SELECT relname, n_live_tup, n_tup_ins FROM pg_stat_user_tables ORDER BY 1',
      `SELECT reltuples, relpages FROM pg_class WHERE oid = '${a.relation.sql}'::regclass`,
      `SELECT pg_relation_size('${a.relation.sql}')`,
      `SELECT pg_get_viewdef('${a.relation.sql}'::regclass)`,
      'SELECT indexdef FROM pg_indexes ORDER BY 1',
      `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '${name}' ORDER BY ordinal_position`,
      'SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2',
      `SELECT attname, attnum FROM pg_attribute WHERE attrelid = '${a.relation.sql}'::regclass ORDER BY 2`,
      'SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()',
      'SELECT prosrc FROM pg_proc WHERE pronamespace = 2200 ORDER BY 1',
      `SELECT * FROM pg_stats_ext_exprs`,
      `SELECT most_common_vals::text FROM pg_stats WHERE attname = '${a.masked.name}'`,
    ]),
  ]
}

/** What defines something first, each statement by itself. */
const definitions: Make = aim => {
  const { random } = aim
  const a = targetOf(aim, 'a', true)
  const m = a.masked.name
  const t = a.relation.sql
  return random.pick([
    [`CREATE TABLE public.taken AS ${aimedQuery(aim)}`, 'SELECT * FROM public.taken ORDER BY 1'],
    [`SELECT a.id, ${shown(aim, a)} INTO TEMP taken FROM ${t} a`, 'SELECT * FROM taken ORDER BY 1'],
    [`CREATE VIEW public.seen AS ${aimedQuery(aim)}`, 'SELECT * FROM public.seen ORDER BY 1', 'TABLE public.seen'],
    [
      `CREATE VIEW public.seen AS SELECT * FROM ${t}`,
      `SELECT ${m} FROM public.seen ORDER BY id`,
      'UPDATE public.seen SET qty = 1 RETURNING *',
    ],
    [`CREATE MATERIALIZED VIEW public.kept AS SELECT id, ${m} AS x FROM ${t}`, 'SELECT * FROM public.kept ORDER BY id'],
    [
      `CREATE FUNCTION public.peek() RETURNS SETOF text LANGUAGE sql AS $f$ SELECT ${m}::text FROM ${t} $f$`,
      'SELECT public.peek()',
    ],
    [`ALTER TABLE ${t} RENAME COLUMN ${m} TO other`, `SELECT other FROM ${t} ORDER BY id`],
    [`ALTER TABLE ${t} RENAME TO elsewhere`, `SELECT ${m} FROM public.elsewhere ORDER BY id`],
    [`ALTER TABLE ${t} ADD CHECK (${m} <> ${guess(aim)})`],
    [`CREATE UNIQUE INDEX ON ${t} ((length(${m}::text)))`],
    [`ALTER TABLE ${t} ALTER ${m} TYPE integer USING ${m}::text::integer`],
    [
      `ALTER TABLE ${t} ADD COLUMN twice text GENERATED ALWAYS AS (${m}::text || ${m}::text) STORED`,
      `SELECT twice FROM ${t} ORDER BY id`,
    ],
    [`ALTER TABLE ${t} ALTER ${m} SET NOT NULL`],
    [
      `CREATE TABLE public.younger () INHERITS (${t})`,
      `SELECT ${m} FROM ${t} ORDER BY id`,
      `INSERT INTO public.younger SELECT * FROM ${t}`,
      'SELECT * FROM public.younger ORDER BY id',
    ],
    [
      `CREATE TABLE public.alike (LIKE ${t} INCLUDING ALL)`,
      `INSERT INTO public.alike SELECT * FROM ${t}`,
      'SELECT * FROM public.alike ORDER BY id',
    ],
    [`ANALYZE ${t}`, `VACUUM ${t}`],
    [`CREATE STATISTICS public.st ON kind, ${m} FROM ${t}`],
    [`CREATE TRIGGER tt BEFORE INSERT ON ${t} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`],
    [`CREATE RULE rr AS ON UPDATE TO public.plain DO ALSO SELECT * FROM ${t}`, 'UPDATE public.plain SET qty = 1'],
    [aimedChange(aim), aimedQuery(aim)],
    [aimedChange(aim), aimedChange(aim), aimedQuery(aim)],
  ])
}

const SCRIPTS: readonly Make[] = [
  query,
  query,
  query,
  query,
  query,
  query,
  change,
  change,
  change,
  copy,
  cursor,
  prepared,
  explain,
  code,
  catalogs,
]
