import type { Random } from '../random.ts'
import type { World } from '../world.ts'

/** A column with the kind of value that it holds. */
export interface KnownColumn {
  readonly name: string
  readonly type: string
}

export interface KnownRelation {
  readonly name: string
  /** As SQL, with its schema. */
  readonly sql: string
  readonly kind: string
  readonly columns: readonly KnownColumn[]
}

/** A function that a statement may call, with the types of its arguments. */
export interface KnownRoutine {
  readonly sql: string
  readonly kind: string
  readonly isSet: boolean
  readonly argumentTypes: readonly string[]
}

/** What a generator may name. */
export interface Vocabulary {
  readonly relations: readonly KnownRelation[]
  /** The server's own functions, and those of the world. */
  readonly builtIns: readonly KnownRoutine[]
  readonly routines: readonly KnownRoutine[]
  readonly types: readonly string[]
  readonly settings: readonly string[]
}

const RELATIONS = `
select json_agg(json_build_array(c.relname, format('%I.%I', n.nspname, c.relname), c.relkind,
         (select json_agg(json_build_array(a.attname, format_type(a.atttypid, null)) order by attnum) from pg_attribute a
           where a.attrelid = c.oid and attnum > 0 and not attisdropped)) order by c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm') and n.nspname !~ '^pg_'
   and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')`

// What sleeps takes the time away, and what ends the connection the statements beside it.
const ROUTINES = `
select json_agg(json_build_array(format('%I.%I', n.nspname, p.proname), p.prokind, p.proretset,
         (select coalesce(json_agg(format_type(t, null) order by o), '[]') from unnest(p.proargtypes) with ordinality as u (t, o)),
         p.oid >= 16384) order by p.oid)
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.proname !~ '^(pg_sleep|pg_terminate|pg_cancel|pg_log_backend|pg_promote|binary_upgrade|.*_(in|recv|out|send)$)'
   and not p.proargtypes::oid[] && '{2281,2275,2279,3838,3310,325,3115,269,2249}'::oid[] and p.prorettype not in (2281, 2279, 3838)
   and n.nspname in ('pg_catalog', 'public', 'crm', 'hr', 'audit', 'scratch')`

const SETTINGS = `select json_agg(name order by name) from pg_settings where context = 'user'`

export async function readVocabulary({ link }: Pick<World, 'link'>): Promise<Vocabulary> {
  const rows = async (sql: string): Promise<readonly unknown[][]> =>
    JSON.parse((await link.query(sql))[0] ?? '[]') ?? []
  const relations = (await rows(RELATIONS)).map(
    ([name, sql, kind, columns]): KnownRelation => ({
      name: String(name),
      sql: String(sql),
      kind: String(kind),
      columns: (Array.isArray(columns) ? columns : []).map(([column, type]) => ({
        name: String(column),
        type: String(type),
      })),
    }),
  )
  const routines = (await rows(ROUTINES)).map(([sql, kind, isSet, types, isOwn]) => ({
    routine: {
      sql: isOwn === true ? String(sql) : String(sql).replace(/^pg_catalog\./, ''),
      kind: String(kind),
      isSet: isSet === true,
      argumentTypes: (Array.isArray(types) ? types : []).map(String),
    },
    isOwn: isOwn === true,
  }))
  return {
    relations: relations.filter(({ columns }) => columns.length > 0),
    builtIns: routines.filter(({ isOwn }) => !isOwn).map(({ routine }) => routine),
    routines: routines.filter(({ isOwn }) => isOwn).map(({ routine }) => routine),
    types: [
      'text',
      'integer',
      'numeric',
      'boolean',
      'date',
      'jsonb',
      'text[]',
      'public.tier',
      'hr.money_t',
      'public.customers',
      'crm.contact_info',
    ],
    settings: JSON.parse((await link.query(SETTINGS))[0] ?? '[]'),
  }
}

const NUMBERS: readonly string[] = ['0', '1', '2', '5', '101', '103', '-1', '3.5', '1000']
const TEXTS: readonly string[] = [
  "'x'",
  "'shipped'",
  "'new'",
  "'SKU-MUG'",
  "'EU'",
  "''",
  "'currency'",
  "'visa'",
  "'a''b'",
  "'orders'",
  "'%a%'",
]

/** A constant of a type, as SQL. */
export function literalOf(type: string, random: Random): string {
  if (/\[\]$|^anyarray|^anycompatiblearray/.test(type))
    return random.pick(['array[1, 2]', "'{}'", "array['a', 'b']", 'null'])
  if (/^(small|big)?int|^numeric|^double|^real|^oid|^xid|^cid/.test(type)) return random.pick(NUMBERS)
  if (/^(text|character|name|"char"|unknown|bpchar|cstring)/.test(type)) return random.pick(TEXTS)
  if (type === 'boolean') return random.pick(['true', 'false', 'null'])
  if (/^jsonb?$/.test(type)) return random.pick(["'{}'", `'{"vip":true}'`, "'[1,2]'", "'1'"])
  if (type === 'date') return random.pick(["'2024-03-01'", "date '2024-07-02'", 'current_date'])
  if (/^timestamp|^time/.test(type)) return random.pick(['now()', "'2024-06-01 12:00'", 'current_timestamp'])
  if (type === 'interval') return "interval '1 day'"
  if (type === 'regclass') return random.pick(["'public.orders'", "'public.invoice_no'", "'public.feedback_id_seq'"])
  if (/^reg/.test(type)) return random.pick(["'text'", "'lower'", '0'])
  if (type === 'uuid') return "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"
  if (type === 'bytea') return "'\\x00'"
  if (/^any/.test(type)) return random.pick([...NUMBERS, ...TEXTS])
  return random.pick(['null', "'1'", "''"])
}
