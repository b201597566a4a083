import {
  type Catalog,
  type CatalogRelation,
  type ColumnName,
  relationKey,
  type UsedColumn,
} from '@querywarden/policy-core'
import { SqlError } from '../sql-error.ts'
import { fingerprintOf } from './fingerprint.ts'
import { opacityOf } from './opacity.ts'
import { type OriginsOf, originsOf } from './origins.ts'
import { TRUE } from './queries.ts'
import { type Query, type Snapshot, takeSnapshot } from './snapshot.ts'
import { typesOf } from './types.ts'

/** How a catalog is loaded. */
export interface CatalogOptions {
  /** The schemas that the sessions' unqualified names are looked up in, without pg_catalog and pg_temp. */
  readonly searchPath: readonly string[]
}

/**
 * Loads the catalog of a PostgreSQL database, 15 to 18, in one read-only snapshot. `query` must run every text it is
 * given on one connection that is idle and outside a transaction; any role may do it.
 *
 * @throws SqlError `UNSUPPORTED_SERVER` for another major, `MALFORMED_CATALOG` where a system table holds the impossible;
 * whatever `query` throws.
 * @example
 * const catalog = await loadCatalog(
 *   async sql => (await client.query({ text: sql, rowMode: 'array' })).rows,
 *   { searchPath: ['public'] },
 * )
 * catalog.relations.get(relationKey({ schema: 'public', name: 'customers' }))?.columns[0]?.origins
 */
export async function loadCatalog(query: Query, options: CatalogOptions): Promise<Catalog> {
  const snapshot = await takeSnapshot(query)
  const types = typesOf(snapshot)
  const relations = relationsOf(snapshot, originsOf(snapshot, types), opacityOf(snapshot, types))
  return {
    fingerprint: fingerprintOf(snapshot, options.searchPath),
    major: snapshot.major,
    searchPath: options.searchPath,
    relations: new Map(relations.map(relation => [relationKey(relation), relation])),
    userFunctions: new Map(snapshot.functions.filter(row => row[1] === TRUE).map(([name = '']) => [name, []])),
    userRowFunctions: new Set(snapshot.functions.filter(row => row[2] === TRUE).map(([name = '']) => name)),
    userOperators: new Map(snapshot.operators.map(([name = '']) => [name, []])),
    userTypes: new Map([...types.codeNames].map(name => [name, []])),
  }
}

/** pg_class.relkind to the kinds of the policy. A sequence is a table of one row. */
const KINDS: Readonly<Record<string, CatalogRelation['kind']>> = {
  r: 'table',
  p: 'table',
  S: 'table',
  v: 'derived',
  m: 'derived',
  f: 'foreign',
}

function relationsOf(
  snapshot: Snapshot,
  origins: OriginsOf,
  opaque: ReadonlyMap<string, string>,
): readonly CatalogRelation[] {
  const columns = new Map<string, UsedColumn[]>()
  const names = columnNames(snapshot)
  const columnOf = ([
    relation = '',
    attnum = '',
    name = '',
    typeOid,
    typmod,
    type = '',
  ]: readonly string[]): UsedColumn => ({
    name,
    attnum: Number(attnum),
    typeOid: Number(typeOid),
    typmod: Number(typmod),
    type,
    // A standalone composite type is no relation: its attributes hold what the column itself holds.
    origins: origins(relation, attnum).flatMap(key => names.get(key) ?? []),
  })
  const generated = new Map<string, Set<string>>()
  for (const row of snapshot.columns) {
    const [relation = '', , name = '', , , , isGenerated] = row
    if (isGenerated === TRUE) generated.set(relation, (generated.get(relation) ?? new Set()).add(name))
    const column = columnOf(row)
    const known = columns.get(relation)
    if (known === undefined) columns.set(relation, [column])
    else known.push(column)
  }
  return snapshot.relations.map(([oid = '', schema = '', name = '', kind = '']) => {
    const known = KINDS[kind]
    if (known === undefined)
      throw new SqlError(
        'MALFORMED_CATALOG',
        `relation kind \`${kind}\` is not one of ${Object.keys(KINDS).join(', ')}`,
      )
    return {
      schema,
      name,
      oid: Number(oid),
      kind: known,
      columns: columns.get(oid) ?? [],
      opaque: opaque.get(oid) ?? null,
      generated: generated.get(oid) ?? new Set(),
      reactions: [],
    }
  })
}

function columnNames(snapshot: Snapshot): ReadonlyMap<string, ColumnName> {
  const relations = new Map(snapshot.relations.map(([oid = '', schema = '', name = '']) => [oid, { schema, name }]))
  const names = new Map<string, ColumnName>()
  for (const [relation = '', attnum = '', column = ''] of snapshot.columns) {
    const known = relations.get(relation)
    if (known !== undefined) names.set(`${relation}.${attnum}`, { ...known, column })
  }
  return names
}
