import type { Random } from '../differential/random.ts'
import type { MaskedKind } from './masked-kinds.ts'
import type { TwinColumn, TwinRelation } from './plan.ts'
import { maskedColumn, PLAIN_COLUMNS, type TableDraft } from './table-draft.ts'

/** What stands on the tables: all that could hand on a masked value of its own accord. */
export interface Objects {
  /** After the data is in. */
  readonly sql: readonly string[]
  readonly relations: readonly TwinRelation[]
  readonly functions: readonly string[]
}

interface Made {
  readonly sql: string
  readonly relation: TwinRelation
}

const masked = (name: string, type = 'text'): TwinColumn => ({ name, type, isMasked: true, isOrdered: true })
const open = (name: string, type: string): TwinColumn => ({ name, type, isMasked: false, isOrdered: true })

/** Draws views, functions, triggers, indexes and constraints over tables. */
export function objectsOver(drafts: readonly TableDraft[], random: Random): Objects {
  const sql: string[] = []
  const relations: TwinRelation[] = []
  const functions: string[] = []
  for (const draft of drafts) {
    for (const make of VIEWS) {
      if (!random.oneIn(3)) continue
      const { sql: text, relation } = make(draft, random.pick(draft.kinds), drafts, random)
      sql.push(text)
      relations.push(relation)
    }
    const function_ = random.pick(FUNCTIONS)(draft, random.pick(draft.kinds))
    sql.push(function_.sql)
    functions.push(function_.name)
    for (const extra of EXTRAS) if (random.oneIn(3)) sql.push(...extra(draft, random.pick(draft.kinds), random))
  }
  const [first] = drafts
  const [key] = first?.uniques ?? []
  if (first !== undefined && key !== undefined && random.oneIn(2)) {
    sql.push(
      `CREATE TABLE public.refs (id integer PRIMARY KEY, k ${key.type} REFERENCES public.${first.name} (${key.name}) ON DELETE CASCADE)`,
      `INSERT INTO public.refs SELECT id, ${key.name} FROM ONLY public.${first.name} WHERE id < 5`,
    )
    relations.push({ name: 'refs', sql: 'public.refs', isTable: true, columns: [open('id', 'integer'), masked('k')] })
  }
  return { sql, relations, functions }
}

type MakeView = (draft: TableDraft, kind: MaskedKind, drafts: readonly TableDraft[], random: Random) => Made

const view = (name: string, query: string, columns: readonly TwinColumn[], kind = 'VIEW'): Made => ({
  sql: `CREATE ${kind.replace('VIEW', `VIEW public.${name}`)} AS ${query}`,
  relation: { name, sql: `public.${name}`, isTable: false, columns },
})

const [ID, REF, NAME, KIND, QTY] = PLAIN_COLUMNS
const plain = [ID, REF, NAME, KIND, QTY].flatMap(column => (column === undefined ? [] : [column]))
const id = plain.slice(0, 1)

const VIEWS: readonly MakeView[] = [
  ({ name }, kind) =>
    view(`v_${name}_renamed`, `SELECT id, name, ${kind.name} AS shown FROM public.${name}`, [
      ...id,
      open('name', 'text'),
      { ...maskedColumn(kind), name: 'shown' },
    ]),
  ({ name, kinds }) =>
    view(`v_${name}_all`, `SELECT * FROM public.${name} WHERE qty > 1`, [...PLAIN_COLUMNS, ...kinds.map(maskedColumn)]),
  ({ name }, kind) =>
    view(`v_${name}_filtered`, `SELECT id, name FROM public.${name} WHERE ${kind.name}::text > 'm'`, [
      ...id,
      open('name', 'text'),
    ]),
  ({ name }) =>
    view(`v_${name}_counts`, `SELECT kind, count(*) AS n FROM public.${name} GROUP BY kind`, [
      open('kind', 'text'),
      open('n', 'bigint'),
    ]),
  ({ name }, kind) =>
    view(
      `v_${name}_computed`,
      `SELECT id, upper(${kind.name}::text) AS u, ${kind.name} IS NULL AS none FROM public.${name}`,
      [...id, masked('u'), masked('none', 'boolean')],
    ),
  ({ name }, kind) =>
    view(
      `v_${name}_barrier`,
      `SELECT id, name, ${kind.name} AS m FROM public.${name} WHERE kind <> 'c'`,
      [...id, open('name', 'text'), { ...maskedColumn(kind), name: 'm' }],
      'VIEW WITH (security_barrier)',
    ),
  ({ name }, kind, drafts, random) => {
    const other = random.pick(drafts)
    const theirs = random.pick(other.kinds)
    return view(
      `v_${name}_joined`,
      `SELECT a.id, a.${kind.name} AS mine, b.name AS other, b.${theirs.name} AS theirs FROM public.${name} a LEFT JOIN public.${other.name} b ON b.id = a.ref`,
      [
        ...id,
        { ...maskedColumn(kind), name: 'mine' },
        open('other', 'text'),
        { ...maskedColumn(theirs), name: 'theirs' },
      ],
    )
  },
  ({ name }, kind) =>
    view(
      `v_${name}_nested`,
      `SELECT q.id, q.x AS y FROM (SELECT id, ${kind.name} AS x, qty FROM public.${name}) q WHERE q.qty IS NOT NULL`,
      [...id, { ...maskedColumn(kind), name: 'y' }],
    ),
  ({ name }, kind) =>
    view(
      `v_${name}_union`,
      `SELECT id, ${kind.name}::text AS t FROM public.${name} UNION ALL SELECT id, name FROM public.plain`,
      [...id, masked('t')],
    ),
  ({ name }) =>
    view(`v_${name}_row`, `SELECT id, r AS rec, to_jsonb(r) AS doc FROM public.${name} r`, [
      ...id,
      masked('rec', `public.${name}`),
      masked('doc', 'jsonb'),
    ]),
  ({ name }, kind) =>
    view(
      `v_${name}_cte`,
      `WITH RECURSIVE r AS (SELECT id, ref, ${kind.name} AS m, 1 AS depth FROM public.${name} WHERE id = 1 UNION ALL SELECT t.id, t.ref, t.${kind.name}, r.depth + 1 FROM public.${name} t JOIN r ON t.id = r.ref WHERE r.depth < 3) SELECT id, m, depth FROM r`,
      [...id, { ...maskedColumn(kind), name: 'm' }, open('depth', 'integer')],
    ),
  ({ name }, kind) =>
    view(
      `m_${name}_copy`,
      `SELECT id, name, ${kind.name} AS m FROM public.${name}`,
      [...id, open('name', 'text'), { ...maskedColumn(kind), name: 'm' }],
      'MATERIALIZED VIEW',
    ),
  ({ name }, kind) =>
    view(
      `m_${name}_stats`,
      `SELECT kind, count(DISTINCT ${kind.name}::text) AS n FROM public.${name} GROUP BY kind`,
      [open('kind', 'text'), masked('n', 'bigint')],
      'MATERIALIZED VIEW',
    ),
]

type MakeFunction = (draft: TableDraft, kind: MaskedKind) => { readonly name: string; readonly sql: string }

const FUNCTIONS: readonly MakeFunction[] = [
  ({ name }, kind) => ({
    name: `public.${name}_of`,
    sql: `CREATE FUNCTION public.${name}_of(n integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT ${kind.name}::text FROM public.${name} WHERE id = n'`,
  }),
  ({ name }) => ({
    name: `public.${name}_rows`,
    sql: `CREATE FUNCTION public.${name}_rows(n integer) RETURNS SETOF public.${name} LANGUAGE sql STABLE AS 'SELECT * FROM public.${name} WHERE qty >= n'`,
  }),
  ({ name }, kind) => ({
    name: `public.${name}_has`,
    sql: `CREATE FUNCTION public.${name}_has(n integer) RETURNS boolean LANGUAGE plpgsql STABLE AS $f$ BEGIN RETURN EXISTS (SELECT FROM public.${name} t WHERE t.id = n AND t.${kind.name}::text < 'm'); END $f$`,
  }),
  ({ name }) => ({
    name: `public.${name}_names`,
    sql: `CREATE FUNCTION public.${name}_names(n integer) RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT name FROM public.${name} WHERE id >= n'`,
  }),
]

const isTexty = ({ type }: MaskedKind): boolean => /^(text$|varchar)/.test(type)

/** Each gives further SQL over a table. */
const EXTRAS: readonly ((draft: TableDraft, kind: MaskedKind, random: Random) => readonly string[])[] = [
  ({ name }, kind) =>
    isTexty(kind)
      ? [`ALTER TABLE public.${name} ADD COLUMN made text GENERATED ALWAYS AS ('m:' || ${kind.name}) STORED`]
      : [],
  ({ name }, kind) => (isTexty(kind) ? [`ALTER TABLE public.${name} ADD CHECK (length(${kind.name}) < 40)`] : []),
  ({ name }, kind) => (kind.isOrdered ? [`CREATE INDEX ON public.${name} (${kind.name})`] : []),
  ({ name }) => [`CREATE INDEX ON public.${name} (ref, name)`],
  ({ name }, _, random) => [
    `CREATE FUNCTION public.log_${name}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN INSERT INTO public.log (entry) VALUES (${random.pick(['to_jsonb(NEW)', "jsonb_build_object('id', NEW.id)"])}); RETURN NULL; END $f$`,
    `CREATE TRIGGER log_it AFTER UPDATE ON public.${name} FOR EACH ROW EXECUTE FUNCTION public.log_${name}()`,
  ],
  ({ name }, kind, random) => [
    `CREATE FUNCTION public.tell_${name}() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE NOTICE 'changed %', ${random.pick([`NEW.${kind.name}`, 'NEW', 'NEW.id'])}; RETURN NEW; END $f$`,
    `CREATE TRIGGER tell_it BEFORE UPDATE OF qty ON public.${name} FOR EACH ROW EXECUTE FUNCTION public.tell_${name}()`,
  ],
]
