import type { Link } from './link.ts'

/** A relation of a world, as the server numbers it. */
export interface WorldRelation {
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly columns: ReadonlyMap<number, string>
}

/** What a world has before any statement ran in it. */
export interface RelationMap {
  /** By OID. */
  readonly relations: ReadonlyMap<number, WorldRelation>
  /**
   * By OID, the relations that stand for one when a statement names them: partitioned parents, views over it, the table
   * whose column a sequence feeds; itself included.
   */
  readonly coveredBy: ReadonlyMap<number, ReadonlySet<number>>
  /** By OID, the relations that a foreign key ties to one, either way: the server looks into them of its own accord. */
  readonly tiedTo: ReadonlyMap<number, ReadonlySet<number>>
  /** The OIDs of all that have rows of their own, system tables too. */
  readonly tables: readonly number[]
  /** By OID: functions that are not the server's own. */
  readonly routines: ReadonlyMap<number, string>
  /** By OID, the relation's file: TRUNCATE and rewrites give it another. */
  readonly files: ReadonlyMap<number, string>
}

const RELATIONS = `
select json_agg(json_build_array(c.oid::int8, n.nspname, c.relname, c.relkind, pg_relation_filenode(c.oid)::text,
         (select json_agg(json_build_array(attnum, attname)) from pg_attribute a where a.attrelid = c.oid and attnum > 0)))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')`

/** What covers what: parents their children, views what their rules read, tables the sequences of their columns. */
const COVERING = `
select json_agg(json_build_array(covered::int8, covering::int8)) from (
  select inhrelid, inhparent from pg_inherits
  union select d.refobjid, r.ev_class from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
    and d.refclassid = 'pg_class'::regclass and d.refobjid <> r.ev_class
    join pg_class c on c.oid = r.ev_class and c.relkind = 'v' where r.rulename = '_RETURN'
  union select d.objid, d.refobjid from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
    where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  union select d.refobjid, f.adrelid from pg_attrdef f join pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
    and d.refclassid = 'pg_class'::regclass where d.refobjid <> f.adrelid) as pairs (covered, covering)`

const TABLES = `select json_agg(oid::int8 order by oid) from pg_class where relkind in ('r', 'p', 'm')`

const TIES = `
select json_agg(json_build_array(conrelid::int8, confrelid::int8)) from pg_constraint where contype = 'f'`

const ROUTINES = `
select json_agg(json_build_array(p.oid::int8, n.nspname || '.' || p.proname))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.oid >= 16384`

/** Reads it all from the server's own tables. */
export async function readRelationMap(link: Link): Promise<RelationMap> {
  const rows = async (sql: string): Promise<readonly unknown[][]> =>
    JSON.parse((await link.query(sql))[0] ?? '[]') ?? []
  const relations = new Map<number, WorldRelation>()
  const files = new Map<number, string>()
  for (const [oid, schema, name, kind, file, columns] of await rows(RELATIONS)) {
    const named = (Array.isArray(columns) ? columns : []).map(([attnum, column]) => [attnum, column] as const)
    relations.set(Number(oid), {
      schema: String(schema),
      name: String(name),
      kind: String(kind),
      columns: new Map(named.map(([attnum, column]) => [Number(attnum), String(column)])),
    })
    if (file !== null) files.set(Number(oid), String(file))
  }
  const covering = pairs(await rows(COVERING))
  const ties = pairs(await rows(TIES))
  const tiedTo = new Map<number, Set<number>>()
  for (const [child, parent] of ties) {
    add(tiedTo, child, parent)
    add(tiedTo, parent, child)
  }
  const routines = new Map((await rows(ROUTINES)).map(([oid, name]) => [Number(oid), String(name)]))
  const tables = (await rows(TABLES)).map(Number)
  return { relations, files, tables, tiedTo, routines, coveredBy: closureOf([...relations.keys()], covering) }
}

const pairs = (rows: readonly unknown[][]): readonly (readonly [number, number])[] =>
  rows.map(([from, to]) => [Number(from), Number(to)])

function add(map: Map<number, Set<number>>, key: number, value: number): void {
  map.set(key, (map.get(key) ?? new Set()).add(value))
}

function closureOf(oids: readonly number[], edges: readonly (readonly [number, number])[]): Map<number, Set<number>> {
  const next = new Map<number, Set<number>>()
  for (const [covered, by] of edges) add(next, covered, by)
  return new Map(
    oids.map(oid => {
      const reached = new Set([oid])
      // A Set's iteration comes to what is added on the way.
      for (const at of reached) for (const by of next.get(at) ?? []) reached.add(by)
      return [oid, reached]
    }),
  )
}
