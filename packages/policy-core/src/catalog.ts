import type { Access, RelationName, UsedRelation } from './facts.ts'

/**
 * A function, procedure or aggregate that isn't the server's own. One in pg_catalog stands here only where an operator, a
 * type, a trigger or an aggregate of the database runs it.
 */
export interface CatalogRoutine extends RelationName {
  readonly oid: number
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window'
  /**
   * Type OIDs of the input arguments, in order; a variadic one as its array type. Of a procedure those of its OUT
   * arguments too, for which CALL has a placeholder.
   */
  readonly argumentTypes: readonly number[]
  /** How many arguments a call must have: those without a default. 0 for an ordered-set aggregate, which has them in two places. */
  readonly argumentsMin: number
  /** How many it may have; infinite for a variadic one and an ordered-set aggregate. */
  readonly argumentsMax: number
  /** In lower case: `sql`, `plpgsql`, `c`, `internal` … */
  readonly language: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  /** It runs with the rights of its owner. */
  readonly isSecurityDefiner: boolean
  /** Settings that it changes for as long as it runs, by name in lower case. */
  readonly settings: ReadonlyMap<string, string>
  /**
   * Its source. Of an SQL function with a body of its own (BEGIN ATOMIC, RETURN) that body, deparsed by the server. Null
   * where there is none to read.
   */
  readonly body: string | null
  /**
   * How it is declared, deparsed by the server: its parameters with names and defaults (pg_get_function_arguments), and
   * what it gives (pg_get_function_result; empty for a procedure). A PL/pgSQL body can't be followed without.
   */
  readonly declaration?: { readonly parameters: string; readonly result: string }
  /**
   * The routines that an aggregate runs: its transition, final and other support functions, but for built-in ones that
   * only compute.
   */
  readonly supports: readonly CatalogRoutine[]
}

/**
 * What the server does of its own accord when a relation is used in some way. Expressions of which all functions,
 * operators and types only compute are left out; so are the server's own triggers that only compute.
 *
 * A relation has those of its partitions and children too, and a view those of what it reads: the statement names the one
 * and sets off the other.
 */
export type Reaction = {
  /** `schema.relation.name` of it. */
  readonly name: string
  /** The accesses that set it off. COPY FROM sets off what `insert` does, COPY TO what `select` does. */
  readonly on: readonly Access[]
} & (
  | {
      readonly kind: 'trigger'
      readonly routine: CatalogRoutine
      /**
       * Its CREATE TRIGGER, deparsed by the server, where its WHEN does more than compute or it has transition tables;
       * absent: neither.
       */
      readonly definition?: string | null
      /**
       * An UPDATE that assigns to none of these columns of the relation in `name` doesn't set it off. Absent: any does.
       */
      readonly columns?: readonly string[]
    }
  /** `definition` is its CREATE RULE, deparsed by the server. */
  | { readonly kind: 'rule'; readonly isInstead: boolean; readonly definition: string }
  /**
   * A foreign key's action: rows of another relation are deleted or changed with those of this one; or all of them are
   * gone, by TRUNCATE … CASCADE. What that sets off is among the other relation's reactions.
   */
  | { readonly kind: 'cascade'; readonly relation: RelationName; readonly access: 'update' | 'delete' | 'truncate' }
  /**
   * An expression over a row of the relation, deparsed by the server with every name that isn't in pg_catalog qualified;
   * null where that can't be had, or where code runs that stands in no expression. `index`: expressions and predicates of
   * indexes, exclusion constraints, extended statistics. `partition`: the key by which a row finds its partition.
   */
  | {
      readonly kind: 'default' | 'check' | 'generated' | 'policy' | 'index' | 'partition'
      readonly expression: string | null
      /** Of a policy: USING picks the rows that are seen, WITH CHECK those that may be written. */
      readonly clause?: 'using' | 'with check'
    }
)

/**
 * One step from columns of a relation to those whose values they may show; `UsedColumn.origins` is where all steps lead.
 * `from` may be a composite type, or a relation of another database.
 * - A family, whose rows can be read by way of one another: each column to the one of its name.
 * - A view: each of its columns to all of `columns`, or to the whole rows where that is null.
 * - Others: `column` to the column `of` it, or to the whole rows where that is null.
 */
export type ColumnSource = { readonly from: RelationName } & (
  | { readonly kind: 'partition' | 'partitioned table' | 'child' | 'parent' }
  | { readonly kind: 'view' | 'materialized view'; readonly columns: readonly string[] | null }
  | {
      readonly kind:
        | 'generated column'
        | 'text search vector'
        | 'foreign key'
        | 'row type'
        | 'table of a type'
        | 'foreign table'
      readonly column: string
      readonly of: string | null
    }
)

/** One constraint or index by which rows are compared with other rows, or the values of one row with each other. */
export interface Comparison {
  /** `check`: a CHECK, which looks at the row alone. */
  readonly kind: 'rows' | 'check'
  /** All columns that it reads: its keys, and what its expressions and predicate read. */
  readonly columns: ReadonlySet<string>
  /**
   * Those of them that have no default, and whose NULL is compared with nothing: an INSERT that leaves one out has its row
   * compared with none.
   */
  readonly optional: ReadonlySet<string>
}

/** A relation as the catalog snapshot knows it. */
export interface CatalogRelation extends UsedRelation {
  /** Why its rows can't be followed to base columns (a function in a view's definition, say), or null. */
  readonly opaque: string | null
  /**
   * The routines that are the only reason for `opaque`: where each is proven harmless, the relation's rows come from the
   * origins of its columns, and from what the routines read. Absent or empty: it's opaque for another reason too.
   */
  readonly opaqueBy?: readonly CatalogRoutine[]
  /** The columns that the server computes, which COPY leaves out; absent where the catalog doesn't know. */
  readonly generated?: ReadonlySet<string>
  /** What runs by itself when it is used. */
  readonly reactions: readonly Reaction[]
  /**
   * By what the server compares its rows with others, or the values of a row: unique and exclusion constraints and indexes,
   * both sides of foreign keys, CHECKs. Whether an INSERT or UPDATE of one of the columns succeeds tells something of all of them. Absent: not known, and
   * then it may be by any columns.
   */
  readonly comparisons?: readonly Comparison[]
  /**
   * The columns of its primary key, by which the server knows what GROUP BY determines: not of one that is deferrable, nor
   * of a table whose children may have the same keys again. Absent: none, or not known.
   */
  readonly primaryKey?: readonly string[]
  /** Whether row security is on: which rows are seen depends on who asks. Absent: not known. */
  readonly hasRowSecurity?: boolean
  /** Whether it has no rows of its own, but those of its partitions. Absent: not known. */
  readonly isPartitioned?: boolean
  /** The first step to the origins of its columns, for explanations. Absent: none, or not known. */
  readonly sources?: readonly ColumnSource[]
  /**
   * Of a view, the relation that the server changes where a statement changes the view, and by which accesses: not by those
   * that a rule or a trigger stands in for. That may be a view in turn. Absent: none.
   */
  readonly writesTo?: { readonly relation: RelationName; readonly accesses: readonly Access[] }
}

/** What a database runs by itself when its schema is changed. */
export interface EventTrigger {
  readonly name: string
  /** `ddl_command_start`, `ddl_command_end`, `sql_drop`, `table_rewrite`; `login` where a session begins (PostgreSQL 17). */
  readonly event: string
  /** The commands that set it off, by their tags; empty: all. */
  readonly tags: readonly string[]
  readonly routine: CatalogRoutine
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
  readonly userFunctions: ReadonlyMap<string, readonly CatalogRoutine[]>
  /** All functions there, extensions' too, that take one row of a relation and so can be written like a column. */
  readonly userRowFunctions: ReadonlySet<string>
  /**
   * Operators outside pg_catalog by bare name, but for those of extensions that only compute, with the routines that one of
   * the name may run. None: it may run anything.
   */
  readonly userOperators: ReadonlyMap<string, readonly CatalogRoutine[]>
  /**
   * Types outside pg_catalog by bare name, except row types of relations, whose casts or input may run code, with the
   * routines that they may run. None: they may run anything.
   */
  readonly userTypes: ReadonlyMap<string, readonly CatalogRoutine[]>
  /** Those that are enabled. Absent: none. */
  readonly eventTriggers?: readonly EventTrigger[]
  /**
   * What runs where a value is made into JSON: functions of the database that are casts to json or jsonb, which the server
   * looks up by the value's type. Absent: none.
   */
  readonly jsonCasts?: readonly CatalogRoutine[]
  /**
   * Definitions are missing that another session held at the time, REFRESH MATERIALIZED VIEW say: when it lets go of them, no
   * version of the schema tells. Load again before long. Absent: no.
   */
  readonly isPartial?: boolean
  /**
   * The functions of extensions that are left out of `userFunctions` because they compute and no more, by
   * {@link relationKey} of schema and name. Absent: none.
   */
  readonly pureFunctions?: ReadonlySet<string>
}

/** The key of a relation in {@link Catalog.relations}. JSON, so that no quoted name can imitate another. */
export const relationKey = ({ schema, name }: RelationName): string => JSON.stringify([schema, name])

/** The lowest OID that PostgreSQL gives to a user's object (FirstNormalObjectId in access/transam.h). */
export const USER_OID_MIN = 16_384
