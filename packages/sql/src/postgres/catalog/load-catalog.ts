import {
  type Catalog,
  type CatalogRelation,
  type Reaction,
  relationKey,
  type UsedColumn,
} from '@querywarden/policy-core'
import { SqlError } from '../sql-error.ts'
import { type Marks, marksOf } from './column-marks.ts'
import { comparisonsOf } from './comparisons.ts'
import { eventTriggersOf } from './event-triggers.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type Opacity, opacityOf } from './opacity.ts'
import { type Lineage, lineageOf } from './origins.ts'
import { primaryKeysOf } from './primary-keys.ts'
import { TRUE } from './queries.ts'
import { reactionsOf } from './reactions.ts'
import { listAt, routinesOf } from './routines.ts'
import { type Query, type Snapshot, takeSnapshot } from './snapshot.ts'
import { spreadReactions } from './spread-reactions.ts'
import { typesOf } from './types.ts'
import { linked, type UnlinkedRelation } from './view-links.ts'
import { viewTargetsOf } from './view-targets.ts'
import { viewsOf } from './views.ts'

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
  const routines = routinesOf(snapshot)
  const types = typesOf(snapshot, routines)
  const relations = relationsOf(snapshot, {
    lineage: lineageOf(snapshot, types),
    marks: marksOf(snapshot),
    opaque: opacityOf(snapshot, types, routines),
    reactions: spreadReactions(snapshot, reactionsOf(snapshot, routines, types)),
  })
  return {
    fingerprint: fingerprintOf(snapshot, options.searchPath),
    major: snapshot.major,
    searchPath: options.searchPath,
    relations: linked(new Map(relations.map(relation => [relationKey(relation), relation]))),
    userFunctions: routines.functions,
    userRowFunctions: routines.rowFunctions,
    userOperators: routines.operators,
    userTypes: types.byName,
    eventTriggers: eventTriggersOf(snapshot, routines),
    jsonCasts: snapshot.jsonCasts.flatMap(([oid = '']) => routines.byOid(oid) ?? []),
    ...(snapshot.isPartial ? { isPartial: true } : {}),
    pureFunctions: new Set(snapshot.pureMembers.map(([schema = '', name = '']) => relationKey({ schema, name }))),
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
  known: {
    readonly lineage: Lineage
    readonly marks: Marks
    readonly opaque: ReadonlyMap<string, Opacity>
    readonly reactions: ReadonlyMap<string, readonly Reaction[]>
  },
): readonly UnlinkedRelation[] {
  const columns = new Map<string, UsedColumn[]>()
  const targets = viewTargetsOf(snapshot)
  const compared = comparisonsOf(snapshot)
  const keys = primaryKeysOf(snapshot)
  const viewOf = namedViews(snapshot)
  const generated = new Map<string, Set<string>>()
  for (const row of snapshot.columns) {
    const [relation = '', , name = '', , , , isGenerated] = row
    if (isGenerated === TRUE) generated.set(relation, (generated.get(relation) ?? new Set()).add(name))
    listAt(columns, relation).push(columnOf(row, known))
  }
  return snapshot.relations.map(([oid = '', schema = '', name = '', kind = '', , hasRowSecurity]) => {
    const knownKind = KINDS[kind]
    if (knownKind === undefined)
      throw new SqlError(
        'MALFORMED_CATALOG',
        `relation kind \`${kind}\` is not one of ${Object.keys(KINDS).join(', ')}`,
      )
    const writesTo = targets.get(oid)
    const comparisons = compared.get(oid)
    const primaryKey = keys.get(oid)
    const sources = known.lineage.sources.get(oid)
    return {
      schema,
      name,
      oid: Number(oid),
      kind: knownKind,
      columns: columns.get(oid) ?? [],
      opaque: known.opaque.get(oid)?.why ?? null,
      opaqueBy: [...(known.opaque.get(oid)?.by ?? [])],
      generated: generated.get(oid) ?? new Set(),
      reactions: known.reactions.get(oid) ?? [],
      hasRowSecurity: hasRowSecurity === TRUE,
      isPartitioned: kind === 'p',
      ...(writesTo === undefined ? {} : { writesTo }),
      ...(comparisons === undefined ? {} : { comparisons }),
      ...(primaryKey === undefined ? {} : { primaryKey }),
      ...viewOf(oid),
      ...(sources === undefined ? {} : { sources }),
    }
  })
}

function columnOf(
  [relation = '', attnum = '', name = '', typeOid, typmod, type = '']: readonly string[],
  known: { readonly lineage: Lineage; readonly marks: Marks },
): UsedColumn {
  const origins = known.lineage.origins(relation, attnum)
  const [marks, ownMarks] = [known.marks.of(origins), known.marks.own(`${relation}.${attnum}`)]
  return {
    name,
    attnum: Number(attnum),
    typeOid: Number(typeOid),
    typmod: Number(typmod),
    type,
    origins: origins.flatMap(key => known.lineage.nameOf(key) ?? []),
    marks,
    ...(marks === ownMarks ? {} : { ownMarks }),
  }
}

/** Definitions of views, with what they read by name. */
function namedViews(snapshot: Snapshot): (oid: string) => Pick<UnlinkedRelation, 'view'> {
  const paths = new Map(snapshot.relations.map(([oid = '', schema = '', name = '']) => [oid, { schema, name }]))
  const views = viewsOf(snapshot)
  return oid => {
    const view = views.get(oid)
    return view === undefined ? {} : { view: { ...view, reads: view.reads.flatMap(read => paths.get(read) ?? []) } }
  }
}
