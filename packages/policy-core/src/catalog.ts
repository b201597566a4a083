import type { RelationName, UsedRelation } from './facts.ts'

/** A relation as the catalog snapshot knows it. */
export interface CatalogRelation extends UsedRelation {
  /** Why its rows can't be followed to base columns (a function in a view's definition, say), or null. */
  readonly opaque: string | null
  /** The columns that the server computes, which COPY leaves out; absent where the catalog doesn't know. */
  readonly generated?: ReadonlySet<string>
}

/** A snapshot of a target's schema. */
export interface Catalog {
  /** Changes whenever something that a decision rests on changes. */
  readonly fingerprint: string
  /** Server major version, which picks the grammar: 15, 16, 17 or 18. */
  readonly major: number
  /** The schemas an unqualified name is looked up in, in order, without pg_catalog (always first) and pg_temp (always last). */
  readonly searchPath: readonly string[]
  /** By {@link relationKey}. System relations are not in it. */
  readonly relations: ReadonlyMap<string, CatalogRelation>
  /**
   * Names of functions outside pg_catalog and information_schema, by bare name: a call may be of one of them. Immutable
   * functions of extensions are left out: they compute, as the built-in ones of their names do. So are those that no bare
   * name reaches, because pg_catalog has one that takes the same.
   */
  readonly userFunctions: ReadonlySet<string>
  /** All functions there, extensions' too, that take one row of a relation and so can be written like a column. */
  readonly userRowFunctions: ReadonlySet<string>
  /** Operator names outside pg_catalog, but for those of extensions that only compute. */
  readonly userOperators: ReadonlySet<string>
  /** Type names outside pg_catalog, except row types of relations, whose casts or input may run code. */
  readonly userTypes: ReadonlySet<string>
}

/** The key of a relation in {@link Catalog.relations}. JSON, so that no quoted name can imitate another. */
export const relationKey = ({ schema, name }: RelationName): string => JSON.stringify([schema, name])

/** The lowest OID that PostgreSQL gives to a user's object (FirstNormalObjectId in access/transam.h). */
export const USER_OID_MIN = 16_384
