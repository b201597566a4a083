import type { RelationMap } from './relation-map.ts'

/** What the server itself shows of a statement's doings, in the transaction that ran it. */
export interface Observation {
  /** A transaction id was given out: something was written, or locked in a table. */
  readonly hasXid: boolean
  /** Rows inserted, changed and deleted, by OID of the relation, system tables too. */
  readonly written: ReadonlyMap<number, readonly [number, number, number]>
  /** Relations that aren't the server's own, by OID, with the modes they are locked in. */
  readonly locked: ReadonlyMap<number, ReadonlySet<string>>
  /** Relations with another file than before. */
  readonly refilled: readonly number[]
  readonly hasAdvisoryLock: boolean
  /** `current_user session_user`. */
  readonly roles: string
  /** The state of all sequences; null where nobody looked. */
  readonly sequences: string | null
  /** A digest of all settings; null where nobody looked. */
  readonly settings: string | null
}

const LOCKS = `(select string_agg(case locktype when 'advisory' then 'advisory'
  else relation || ':' || mode || case mode when 'AccessExclusiveLock' then ':' || coalesce(pg_relation_filenode(relation), 0) else '' end end, ',')
  from pg_locks where pid = pg_backend_pid() and (locktype = 'advisory' or locktype = 'relation' and relation >= 16384))`

/** Counts of the tables that there are: a list of OIDs is several times as fast as the system's own view. */
const writtenSql = ({ tables }: RelationMap): string =>
  `case when pg_current_xact_id_if_assigned() is not null then (select string_agg(oid || ':' || i || ':' || u || ':' || d, ',')
  from (select oid, pg_stat_get_xact_tuples_inserted(oid) i, pg_stat_get_xact_tuples_updated(oid) u,
    pg_stat_get_xact_tuples_deleted(oid) d from unnest('{${tables.join(',')}}'::oid[]) as oid offset 0) s where i + u + d > 0) end`

// What a transaction begins with is the server's to say, and settings with a dot come with an extension's library.
/** A digest of all settings of the session. */
export const SETTINGS = `(select md5(string_agg(name || '=' || coalesce(setting, ''), ',' order by name)) from pg_settings
  where name not in ('transaction_isolation', 'transaction_deferrable', 'in_hot_standby') and name !~ '[.]')
  || coalesce(current_setting('querywarden.probe', true), '')`

/** The state of sequences: the one thing that a transaction does not take back. */
const sequencesSql = ({ relations }: RelationMap): string => {
  const sequences = [...relations.values()].filter(({ kind }) => kind === 'S')
  const one = ({ schema, name }: { readonly schema: string; readonly name: string }): string =>
    `(select last_value || ' ' || is_called from ${quoted(schema)}.${quoted(name)})`
  return sequences.length === 0 ? "''" : `array_to_string(array[${sequences.map(one).join(', ')}], ',')`
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The names under which the oracles are prepared on each connection. */
export const ORACLES = {
  light: 'oracle_light',
  full: 'oracle_full',
  session: 'oracle_session',
  depends: 'oracle_depends',
} as const

/**
 * The oracles' SQL. `light` is cheap and misses sequences and settings; `session` is what is left behind between two
 * transactions; `depends` is the dependency record of the function that a statement was made the body of.
 */
export function oracleSql(map: RelationMap): Readonly<Record<keyof typeof ORACLES, string>> {
  const light = `pg_current_xact_id_if_assigned()::text, ${LOCKS}, ${writtenSql(map)}, current_user || ' ' || session_user`
  return {
    light: `select ${light}, null::text, null::text`,
    full: `select ${light}, ${sequencesSql(map)}, ${SETTINGS}`,
    session: `select concat_ws(' ', ${sequencesSql(map)}, ${SETTINGS}, current_user, session_user,
      (select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
      (select count(*) from pg_prepared_statements where from_sql), (select count(*) from pg_cursors where name <> ''),
      (select count(*) from pg_listening_channels()), pg_snapshot_xmax(pg_current_snapshot()))`,
    depends: `select string_agg(d.refclassid::int8 || ':' || d.refobjid || ':' || d.refobjsubid, ',') from pg_depend d
      where d.classid = 'pg_proc'::regclass and d.refobjid >= 16384 and d.objid = (select oid from pg_proc where proname = 'querywarden_probe')`,
  }
}

/** Reads the row of an oracle `light` or `full`. */
export function readObservation(row: readonly (string | null)[], map: RelationMap): Observation {
  const [xid = null, locks = null, written = null, roles = null, sequences = null, settings = null] = row
  const locked = new Map<number, Set<string>>()
  const refilled: number[] = []
  let hasAdvisoryLock = false
  for (const lock of locks?.split(',') ?? []) {
    const [relation = '', mode = '', file] = lock.split(':')
    if (relation === 'advisory') {
      hasAdvisoryLock = true
      continue
    }
    const oid = Number(relation)
    locked.set(oid, (locked.get(oid) ?? new Set()).add(mode))
    const before = map.files.get(oid)
    // One that was dropped has none.
    if (file !== undefined && file !== '0' && before !== undefined && file !== before) refilled.push(oid)
  }
  const counts = (written?.split(',') ?? []).map(one => one.split(':').map(Number))
  return {
    hasXid: xid !== null,
    written: new Map(counts.map(([oid = 0, i = 0, u = 0, d = 0]) => [oid, [i, u, d] as const])),
    locked,
    refilled,
    hasAdvisoryLock,
    roles: roles ?? '',
    sequences,
    settings,
  }
}
