import { SqlError } from '../sql-error.ts'
import type { Query } from './snapshot.ts'

/** System tables whose rows belong to no one relation, and of which no row is rewritten but by DDL. */
const OF_THE_DATABASE = [
  'pg_aggregate',
  'pg_amop',
  'pg_amproc',
  'pg_cast',
  'pg_event_trigger',
  'pg_extension',
  'pg_language',
  'pg_opclass',
  'pg_operator',
  'pg_proc',
  'pg_range',
] as const

/** Those whose rows belong to a relation, by the column that names it. */
const OF_A_RELATION = [
  ['pg_attribute', 'attrelid'],
  ['pg_attrdef', 'adrelid'],
  ['pg_constraint', 'conrelid'],
  ['pg_foreign_table', 'ftrelid'],
  ['pg_index', 'indrelid'],
  ['pg_inherits', 'inhrelid'],
  ['pg_partitioned_table', 'partrelid'],
  ['pg_policy', 'polrelid'],
  ['pg_rewrite', 'ev_class'],
  ['pg_statistic_ext', 'stxrelid'],
  ['pg_trigger', 'tgrelid'],
] as const

/**
 * A change makes another version of a row, whose xmin is the transaction's; so the number of rows and the sum over a hash
 * of xmin say whether anything changed. VACUUM changes rows in place and keeps xmin; VACUUM FULL may not, which costs a
 * reload and no more. Transactions come by the same number again after 2^32 others. Relations are compared by what they
 * are: TRUNCATE, REINDEX and REFRESH give a row of pg_class a new file. Temporary ones come and go by the second.
 */
const sumOf = (table: string, where: string): string =>
  `(select concat_ws('/', count(*), sum(pg_catalog.hashtext(t.xmin::text))) from pg_catalog.${table} t where ${where})`

/** What is said of columns otherwise is changed by people all day, and nothing rests on it. */
const saysTags = (text: string): string =>
  `t.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and t.objsubid > 0 and t.${text} operator(pg_catalog.~*) 'querywarden:'`

const VERSION = `
with ours as materialized (
  select c.oid, c.relname, c.relnamespace, c.relkind, c.reltype, c.relispartition, c.relrowsecurity, c.reloftype,
         case c.relkind when 'v' then c.reloptions end
    from pg_catalog.pg_class c
   where c.oid >= 16384 and c.relpersistence <> 't' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S', 'c'))
select concat_ws(' ',
  (select concat_ws('/', count(*), sum(pg_catalog.hash_record_extended(o, 0))) from ours o),
  ${sumOf('pg_namespace', "t.nspname !~ '^pg_(toast_)?temp_'")},
  ${sumOf('pg_type', "t.oid >= 16384 and t.typnamespace not in (select oid from pg_catalog.pg_namespace where nspname ~ '^pg_(toast_)?temp_')")},
  ${sumOf('pg_constraint', 't.conrelid = 0')},
  ${sumOf('pg_description', saysTags('description'))},
  ${sumOf('pg_seclabel', saysTags('label'))},
  ${OF_A_RELATION.map(([table, relation]) => sumOf(table, `t.${relation} in (select oid from ours)`)).join(',\n  ')},
  ${OF_THE_DATABASE.map(table => sumOf(table, 'true')).join(',\n  ')})`

/**
 * Says by one text which version of the schema a database has: cheap enough to ask every second. Two equal texts mean that
 * a catalog loaded in between shows the schema as it is, but for which functions belong to an extension. `query` is as for
 * {@link loadCatalog}; the connection may be kept.
 *
 * @param known - What it said the last time. Where no transaction has ended since, that is said again, and nothing is read.
 * @throws SqlError `MALFORMED_CATALOG` where the server gives no such text; whatever `query` throws.
 * @example
 * const before = await schemaVersion(query, null)
 * const catalog = await loadCatalog(query, options)
 * if ((await schemaVersion(query, before)).text !== before.text) reload()
 */
export async function schemaVersion(query: Query, known: SchemaVersion | null): Promise<SchemaVersion> {
  // Visibility is a matter of the snapshot alone: the same one sees the same rows.
  const snapshot = await oneText(query, 'select pg_catalog.pg_current_snapshot()::text')
  if (snapshot === known?.snapshot) return known
  return { snapshot, text: await oneText(query, VERSION) }
}

/** What {@link schemaVersion} says. */
export interface SchemaVersion {
  readonly text: string
  /** The transactions that had ended when it was asked, or some of them. */
  readonly snapshot: string
}

async function oneText(query: Query, sql: string): Promise<string> {
  const text = (await query(sql))[0]?.[0]
  if (text === undefined || text === null || text === '')
    throw new SqlError('MALFORMED_CATALOG', 'the server said nothing of its schema, expected a version')
  return text
}
