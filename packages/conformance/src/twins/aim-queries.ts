import { type Aim, guess, harmless, shown, type Target, targetOf, wrong } from './aim-expressions.ts'

const from = ({ relation, alias }: Target): string => `${relation.sql} ${alias}`

const order = ({ random }: Aim, { alias, masked }: Target): string =>
  random.pick([
    ` ORDER BY ${alias}.id`,
    ` ORDER BY ${alias}.id`,
    ` ORDER BY ${alias}.id`,
    '',
    ` ORDER BY ${alias}.${masked.name}::text, ${alias}.id`,
    ' ORDER BY 1',
  ])

const where = (aim: Aim, target: Target): string =>
  aim.random.pick<() => string>([
    () => '',
    () => ` WHERE ${harmless(aim, target)}`,
    () => ` WHERE ${wrong(aim, target)}`,
    () => ` WHERE NOT (${wrong(aim, target)})`,
  ])()

/** A query that would show what a mask hides, if the mask weren't before it. */
export function aimedQuery(aim: Aim): string {
  return aim.random.pick(QUERIES)(aim, targetOf(aim, 'a'))
}

type Make = (aim: Aim, target: Target) => string

const plain: Make = (aim, a) =>
  `SELECT ${shown(aim, a)}${aim.random.oneIn(2) ? `, ${shown(aim, a)}` : ''} FROM ${from(a)}${where(aim, a)}${order(aim, a)}${aim.random.oneIn(5) ? ' LIMIT 2' : ''}`

const aggregate: Make = (aim, a) => {
  const m = `a.${a.masked.name}`
  const over = aim.random.pick([
    `string_agg(${m}::text, ',' ORDER BY a.id)`,
    `min(${m}::text)`,
    `max(${m})`,
    `count(DISTINCT ${m}::text)`,
    `count(${m})`,
    `array_agg(${m} ORDER BY a.id)`,
    'json_agg(a ORDER BY a.id)',
    `bool_or(${m} = ${guess(aim)})`,
    `sum(length(${m}::text))`,
    `count(*) FILTER (WHERE ${wrong(aim, a)})`,
    `mode() WITHIN GROUP (ORDER BY ${m}::text)`,
    `percentile_disc(0.5) WITHIN GROUP (ORDER BY ${m}::text)`,
    `jsonb_object_agg(a.id, ${m})`,
    'avg(a.qty)',
  ])
  const group = aim.random.pick([
    '',
    ' GROUP BY a.id ORDER BY a.id',
    ` GROUP BY ${m}::text`,
    ` GROUP BY ROLLUP (${m}::text)`,
  ])
  return `SELECT ${over} FROM ${from(a)}${where(aim, a)}${group}${aim.random.oneIn(4) ? ` HAVING max(${m}::text) > 'm'`.repeat(group.includes('ORDER') ? 0 : 1) : ''}`
}

const joined: Make = (aim, a) => {
  const b = targetOf(aim, 'b')
  const on = aim.random.pick([
    `a.${a.masked.name}::text = b.${b.masked.name}::text`,
    'a.id = b.id',
    `a.id = b.id AND ${wrong(aim, b)}`,
    `a.${a.masked.name}::text < b.${b.masked.name}::text`,
  ])
  return aim.random.pick([
    `SELECT a.id, ${shown(aim, b)} FROM ${from(a)} ${aim.random.pick(['JOIN', 'LEFT JOIN', 'FULL JOIN', 'RIGHT JOIN'])} ${from(b)} ON ${on} ORDER BY 1`,
    `SELECT * FROM ${from(a)} ${aim.random.pick(['JOIN', 'LEFT JOIN', 'FULL JOIN'])} ${from(b)} USING (id) ORDER BY id`,
    `SELECT count(*) FROM ${from(a)} NATURAL JOIN ${from(b)}`,
    `SELECT a.id, q.v FROM ${from(a)}, LATERAL (SELECT ${b.alias}.${b.masked.name}::text AS v FROM ${from(b)} WHERE b.id = a.id OR ${wrong(aim, a)}) q ORDER BY 1`,
    `SELECT count(*) FROM ${from(a)} JOIN ${from(b)} ON ${on}`,
  ])
}

const nested: Make = (aim, a) => {
  const m = `a.${a.masked.name}`
  const b = targetOf(aim, 'b')
  return aim.random.pick([
    `SELECT q.x FROM (SELECT ${m} AS x, a.id FROM ${from(a)}) q ORDER BY q.id`,
    `WITH q AS (SELECT ${shown(aim, a)} FROM ${from(a)}) SELECT * FROM q`,
    `WITH q AS MATERIALIZED (SELECT a.id, ${m} AS x FROM ${from(a)}${where(aim, a)}) SELECT id, x::text FROM q ORDER BY id`,
    `WITH RECURSIVE q (n, v) AS (SELECT 1, ${m}::text FROM ${from(a)} WHERE a.id = 1 UNION ALL SELECT n + 1, v || n FROM q WHERE n < 3) SELECT * FROM q`,
    `SELECT id FROM ${from(b)} WHERE b.${b.masked.name}::text IN (SELECT ${m}::text FROM ${from(a)}) ORDER BY 1`,
    `SELECT (SELECT ${m} FROM ${from(a)} WHERE a.id = 1)`,
    `SELECT EXISTS (SELECT FROM ${from(a)} WHERE ${wrong(aim, a)})`,
    `SELECT ARRAY(SELECT ${m}::text FROM ${from(a)} ORDER BY a.id)`,
    `SELECT ${m}::text FROM ${from(a)} ${aim.random.pick(['UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} SELECT b.${b.masked.name}::text FROM ${from(b)} ORDER BY 1`,
    `VALUES (${guess(aim)}::text) INTERSECT SELECT ${m}::text FROM ${from(a)}`,
    `TABLE ${a.relation.sql}`,
    `SELECT * FROM ONLY ${from(a)} ORDER BY 1`,
    `SELECT * FROM ${from(a)} TABLESAMPLE system (100)`,
    `SELECT * FROM ${from(a)}${where(aim, a)} FOR UPDATE`,
  ])
}

const windowed: Make = (aim, a) => {
  const m = `a.${a.masked.name}`
  const over = aim.random.pick([
    `row_number() OVER (ORDER BY ${m}::text, a.id)`,
    `lag(${m}) OVER (ORDER BY a.id)`,
    `rank() OVER (ORDER BY ${m}::text)`,
    `count(*) OVER (PARTITION BY ${m}::text)`,
    `first_value(${m}::text) OVER (PARTITION BY a.kind ORDER BY a.id)`,
    `ntile(3) OVER (ORDER BY ${m}::text, a.id)`,
  ])
  return aim.random.pick([
    `SELECT a.id, ${over} FROM ${from(a)} ORDER BY a.id`,
    `SELECT DISTINCT ${m}::text FROM ${from(a)} ORDER BY 1`,
    `SELECT DISTINCT ON (${m}::text) a.id FROM ${from(a)} ORDER BY ${m}::text, a.id`,
  ])
}

const unfolded: Make = (aim, a) => {
  const m = `a.${a.masked.name}`
  return aim.random.pick([
    `SELECT a.id, e.* FROM ${from(a)}, jsonb_each(to_jsonb(a)) e ORDER BY a.id, 2`,
    `SELECT a.id, e.value FROM ${from(a)}, json_each_text(row_to_json(a)) e ORDER BY a.id, e.key`,
    `SELECT a.id, g FROM ${from(a)}, generate_series(1, length(${m}::text)) g ORDER BY 1, 2`,
    `SELECT a.id, u FROM ${from(a)}, unnest(string_to_array(${m}::text, '-')) u ORDER BY 1, 2`,
    `SELECT a.id, x.v FROM ${from(a)}, XMLTABLE('/r' PASSING xmlelement(name r, ${m}::text) COLUMNS v text PATH '.') x ORDER BY 1`,
    `SELECT (jsonb_populate_record(NULL::${a.relation.sql}, to_jsonb(a))).${a.masked.name} FROM ${from(a)} ORDER BY a.id`,
    `SELECT a.id, regexp_matches(${m}::text, '(.)(.)') FROM ${from(a)} ORDER BY 1`,
    `SELECT a.ctid, a.xmin, a.tableoid::regclass, ${m} FROM ${from(a)}`,
    `SELECT a = b, a < b FROM ${from(a)}, ${a.relation.sql} b WHERE a.id = 1 ORDER BY b.id`,
    `SELECT count(*) FROM ${from(a)} GROUP BY GROUPING SETS ((${m}::text), (a.kind), ()) ORDER BY 1`,
  ])
}

const called: Make = (aim, a) => {
  const { random, plan } = aim
  const name = random.pick([...plan.functions, 'public.none_such'])
  const m = `a.${a.masked.name}`
  return random.pick([
    `SELECT ${name}(${1 + random.below(9)})`,
    `SELECT * FROM ${name}(1) f`,
    `SELECT a.id, ${name}(a.id) FROM ${from(a)} ORDER BY 1`,
    `SELECT query_to_xml('SELECT * FROM ${a.relation.sql}', true, false, '')`,
    `SELECT table_to_xml('${a.relation.sql}', true, false, '')`,
    `SELECT set_config('twin.x', ${m}::text, true) FROM ${from(a)}`,
    `SELECT pg_notify('c', ${m}::text) FROM ${from(a)}`,
    `SELECT CASE WHEN ${wrong(aim, a)} THEN nextval('public.log_id_seq') END FROM ${from(a)} ORDER BY a.id`,
    `SELECT repeat('x', length(${m}::text)) FROM ${from(a)} ORDER BY a.id`,
    `SELECT lo_from_bytea(0, convert_to(${m}::text, 'UTF8')) FROM ${from(a)}`,
    `SELECT ${name}(CASE WHEN ${wrong(aim, a)} THEN 1 ELSE 2 END) FROM ${from(a)} ORDER BY a.id`,
  ])
}

const QUERIES: readonly Make[] = [
  plain,
  plain,
  plain,
  plain,
  plain,
  aggregate,
  aggregate,
  joined,
  joined,
  nested,
  nested,
  windowed,
  unfolded,
  called,
]
