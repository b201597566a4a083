import { type Random, seededRandom } from '../differential/random.ts'
import { objectsOver } from './generate-objects.ts'
import { MASKED_KINDS, type Pair } from './masked-kinds.ts'
import { rulesWith, type Side, type TwinPlan, type TwinRelation } from './plan.ts'
import { maskedColumn, PLAIN_COLUMNS, type TableDraft } from './table-draft.ts'

const OWNER = { user: 'twin_owner', password: 'owner-pw' } as const
const ROWS = 9

/** Draws a schema with its data and policy. The same seed gives the same. */
export function generatePlan(seed: number): TwinPlan {
  const random = seededRandom(seed)
  const drafts = ['people', 'accounts', 'events'].map(name => draftOf(name, random))
  const rows = drafts.map(draft => rowsOf(draft, random))
  const more = objectsOver(drafts, random)
  const guesses = rows.flatMap(({ pairs }) => pairs.flatMap(pair => [pair.left, pair.right]))
  const isAnalyzed = random.oneIn(2)
  return {
    name: `generated-${seed}`,
    sqlOf: side =>
      [
        PROLOGUE,
        ...drafts.map(tableSql),
        ...rows.map(({ insertOf }) => insertOf(side)),
        ...more.sql,
        'RESET ROLE',
        ...(isAnalyzed ? ['ANALYZE'] : []),
      ].join(';\n'),
    policy: rulesWith(drafts.flatMap(masksOf)),
    account: OWNER,
    relations: [...drafts.map(relationOf), ...more.relations],
    guesses: [...new Set(guesses)].filter(guess => guess !== 'NULL'),
    functions: more.functions,
  }
}

const PROLOGUE = `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${OWNER.user}')
  THEN CREATE ROLE ${OWNER.user} LOGIN PASSWORD '${OWNER.password}'; END IF; END $$;
ALTER ROLE ${OWNER.user} SET statement_timeout = '2s';
ALTER ROLE ${OWNER.user} SET lock_timeout = '1s';
ALTER ROLE ${OWNER.user} SET temp_file_limit = '64MB';
ALTER SCHEMA public OWNER TO ${OWNER.user};
DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMP ON DATABASE %I TO ${OWNER.user}', current_database()); END $$;
SET ROLE ${OWNER.user};
CREATE SCHEMA twin;
CREATE TYPE twin.address AS (street text, zip text);
CREATE TYPE twin.mood AS ENUM ('low', 'fair', 'high');
CREATE DOMAIN twin.national_id AS text CHECK (VALUE <> '');
CREATE TABLE public.log (id serial PRIMARY KEY, entry jsonb);
CREATE TABLE public.plain (id integer PRIMARY KEY, name text, kind text, qty integer, ref integer);
INSERT INTO public.plain SELECT g, 'p' || g, CASE g % 3 WHEN 0 THEN 'a' ELSE 'b' END, g % 4, 1 + g % 9 FROM generate_series(1, 12) g`

function draftOf(name: string, random: Random): TableDraft {
  const left = [...MASKED_KINDS]
  const kinds = Array.from({ length: 3 + random.below(5) }, () => {
    const kind = random.pick(left)
    left.splice(left.indexOf(kind), 1)
    return kind
  })
  const form =
    name === 'events' && random.oneIn(2) ? 'partitioned' : name === 'people' && random.oneIn(2) ? 'parent' : 'plain'
  const uniques = form === 'partitioned' ? [] : kinds.filter(({ isUnique }) => isUnique && random.oneIn(2))
  return { name, kinds, form, uniques }
}

function tableSql({ name, kinds, form, uniques }: TableDraft): string {
  const columns = [
    'id integer NOT NULL',
    'ref integer',
    'name text NOT NULL',
    "kind text NOT NULL DEFAULT 'a'",
    'qty integer CHECK (qty >= 0)',
    "at timestamptz NOT NULL DEFAULT '2024-01-01 00:00+00'",
    ...kinds.map(kind => `${kind.name} ${kind.type}`),
    'PRIMARY KEY (id)',
    ...uniques.map(kind => `UNIQUE (${kind.name})`),
  ]
  const table = `CREATE TABLE public.${name} (${columns.join(', ')})`
  if (form === 'partitioned')
    return `${table} PARTITION BY RANGE (id);
CREATE TABLE public.${name}_low PARTITION OF public.${name} FOR VALUES FROM (0) TO (5);
CREATE TABLE public.${name}_high PARTITION OF public.${name} FOR VALUES FROM (5) TO (1000)`
  if (form === 'parent') return `${table};\nCREATE TABLE public.${name}_child (grade text) INHERITS (public.${name})`
  return table
}

interface DraftRows {
  readonly pairs: readonly Pair[]
  readonly insertOf: (side: Side) => string
}

function rowsOf({ name, kinds, form }: TableDraft, random: Random): DraftRows {
  const rows = Array.from({ length: ROWS }, (_, at) => ({
    open: `${at + 1}, ${1 + random.below(ROWS)}, '${name[0] ?? 'x'}${random.below(6)}', '${random.pick(['a', 'b', 'c'])}', ${random.below(6)}, '2024-0${1 + random.below(9)}-01 10:00+00'`,
    pairs: kinds.map(kind => kind.pair(at + 1, random)),
  }))
  const columns = ['id', 'ref', 'name', 'kind', 'qty', 'at', ...kinds.map(kind => kind.name)].join(', ')
  // A child's rows show through its parent.
  const target = (at: number): string => (form === 'parent' && at >= ROWS - 2 ? `${name}_child` : name)
  return {
    pairs: rows.flatMap(row => row.pairs),
    insertOf: side =>
      rows
        .map(
          ({ open, pairs }, at) =>
            `INSERT INTO public.${target(at)} (${columns}) VALUES (${[open, ...pairs.map(pair => pair[side])].join(', ')})`,
        )
        .join(';\n'),
  }
}

const masksOf = ({ name, kinds }: TableDraft): readonly string[] =>
  kinds.map(kind => `{ columns: ["public.${name}.${kind.name}"], with: ${kind.mask} }`)

const relationOf = ({ name, kinds }: TableDraft): TwinRelation => ({
  name,
  sql: `public.${name}`,
  isTable: true,
  columns: [...PLAIN_COLUMNS, ...kinds.map(maskedColumn)],
})
