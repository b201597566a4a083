import type { Place } from './statement.ts'

/** What a statement can do, at the coarsest useful grain. */
export const EFFECTS = [
  'read',
  'write',
  'ddl',
  'dcl',
  'session',
  'transaction',
  'procedural',
  'maintenance',
  'external',
  'unknown',
] as const
export type Effect = (typeof EFFECTS)[number]

/** How a relation is used. */
export const ACCESSES = ['select', 'insert', 'update', 'delete', 'truncate', 'lock', 'copy', 'ddl', 'maintain'] as const
export type Access = (typeof ACCESSES)[number]

export interface RelationName {
  readonly schema: string
  readonly name: string
}

export interface ColumnName extends RelationName {
  readonly column: string
}

/** A column of a relation that a statement names, with every base column whose values may show in it. */
export interface UsedColumn {
  readonly name: string
  /** 1-based, as in pg_attribute.attnum and RowDescription. */
  readonly attnum: number
  readonly typeOid: number
  /** -1 where the type has no modifier. */
  readonly typmod: number
  /** The type as SQL, schema-qualified where it must be: `text`, `character varying(20)`, `public.mood`. */
  readonly type: string
  /**
   * The base columns whose values may be seen through this one, itself included: inheritance parents and children,
   * the sources of a generated column, every column that a view's definition reads.
   */
  readonly origins: readonly ColumnName[]
}

/** A relation that the catalog knows, at one place in the statement. */
export interface UsedRelation extends RelationName {
  readonly oid: number
  /** `table`: its own rows, or its partitions' and children's. `derived`: a view or materialized view. `catalog`: a system relation that shows no row values. */
  readonly kind: 'table' | 'derived' | 'foreign' | 'catalog'
  readonly columns: readonly UsedColumn[]
}

/**
 * One thing that a statement does. A statement is allowed when every one of its uses is.
 * - `relation`: touches a relation in some way.
 * - `function`: calls a function that isn't pure, or that isn't known.
 * - `statement`: does something that concerns no single relation or function (BEGIN, SET, CREATE ROLE, SELECT 1).
 */
export type Use =
  | {
      readonly kind: 'relation'
      readonly effect: Effect
      readonly access: Access
      readonly relation: UsedRelation
      /** No WHERE, or one that is always true; TRUNCATE. */
      readonly unbounded: boolean
      readonly place: Place
    }
  | {
      readonly kind: 'function'
      readonly effect: Effect
      /** `schema.name` where the schema is known, else the name as written. */
      readonly function: string
      readonly why: string
      readonly place: Place
    }
  | { readonly kind: 'statement'; readonly effect: Effect; readonly why: string; readonly place: Place }

/** Something that no policy can allow, because the gateway itself would stop being sound. */
export interface Prohibition {
  readonly code: ProhibitionCode
  readonly message: string
  readonly hint: string
  readonly place: Place
}
export type ProhibitionCode = 'PINNED_SETTING' | 'ROLE_CHANGE' | 'UNSUPPORTED'

/** Why a text could not be understood. Such a text is refused, whatever the policy. */
export type OpaqueCode =
  | 'EMPTY'
  | 'TOO_LARGE'
  | 'TOO_COMPLEX'
  | 'NOT_UTF8'
  | 'HAS_NUL'
  | 'SYNTAX'
  | 'NOT_ONE_STATEMENT'
  | 'PARSER_FAILED'
  | 'UNKNOWN_NODE'

/** A column that the statement mentions by name, wherever in it. Enough to tell whether DML reads a masked column. */
export interface ColumnMention {
  /** The last part of the reference; `*` for a star. */
  readonly name: string
  /** The parts before it, or empty. */
  readonly qualifier: readonly string[]
  readonly place: Place
}

/** What a statement does. */
export type Facts =
  | {
      readonly kind: 'understood'
      /** As in CommandComplete, without counts: `SELECT`, `INSERT`, `DROP TABLE`. */
      readonly tag: string
      readonly uses: readonly Use[]
      readonly prohibitions: readonly Prohibition[]
      readonly mentions: readonly ColumnMention[]
      /** The statement on one spelling, literals kept, no comments: what a person is shown. */
      readonly canonical: string
      /** `in`: rows from the client. `out`: rows to the client by CopyData. */
      readonly copy: 'in' | 'out' | null
      /** `emptied`: from here on the session finds no relation but by its schema. The rewriter must see to it that it's so. */
      readonly searchPath: 'kept' | 'emptied'
      /** The catalog that names were resolved against. */
      readonly catalogFingerprint: string
    }
  | {
      readonly kind: 'opaque'
      readonly code: OpaqueCode
      readonly message: string
      /** Byte offset of the trouble, or null. */
      readonly offset: number | null
    }

/** The effects of a statement, each once, in the order of {@link EFFECTS}. An opaque statement's only effect is `unknown`. */
export function effectsOf(facts: Facts): readonly Effect[] {
  if (facts.kind === 'opaque') return ['unknown']
  const seen = new Set(facts.uses.map(use => use.effect))
  return EFFECTS.filter(effect => seen.has(effect))
}

const REMEMBERED_MENTIONS_MAX = 64

/**
 * Whether facts are worth a place in a memory that is bounded by entries: a short text can do so much that what is known
 * of it takes as much room as many others do.
 *
 * @example
 * if (isRememberable(facts)) cache.set(statement.text, facts)
 */
export const isRememberable = (facts: Facts): boolean =>
  facts.kind === 'opaque' || facts.uses.length + facts.mentions.length <= REMEMBERED_MENTIONS_MAX
