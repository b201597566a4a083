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
   * the sources of a generated column, every column that a view's definition reads. An attribute of a composite type stands
   * there as a column of the type, a column behind a foreign table by its name on the other side.
   */
  readonly origins: readonly ColumnName[]
  /** Its marks and those of all of its origins. Absent: not known, and then no mask is found by them. */
  readonly marks?: ColumnMarks
  /** Those of the column itself alone. The same object where they are all. */
  readonly ownMarks?: ColumnMarks
}

/** What a column is found by, besides its name. */
export interface ColumnMarks {
  /** Of comments and security labels that say `querywarden: pii.ssn`; in lower case, sorted. */
  readonly tags: readonly string[]
  /** Its type, with the bases of a domain, the elements of an array or range and the attributes of a composite. */
  readonly types: readonly RelationName[]
}

/** What a view shows. */
export interface ViewDefinition {
  /** As the server deparses it, with every name outside pg_catalog qualified. No semicolon at its end. */
  readonly text: string
  /** Its rows are stored, and are those of its last refresh. */
  readonly isMaterialized: boolean
  readonly isSecurityBarrier: boolean
  /** What it reads, it reads with the rights and row policies of who asks, not of its owner. */
  readonly isSecurityInvoker: boolean
  /** The relations that it reads itself, views among them, each once. System relations are left out. */
  readonly reads: readonly UsedRelation[]
}

/** A relation that the catalog knows, at one place in the statement. */
export interface UsedRelation extends RelationName {
  readonly oid: number
  /** `table`: its own rows, or its partitions' and children's. `derived`: a view or materialized view. `catalog`: a system relation that shows no row values. */
  readonly kind: 'table' | 'derived' | 'foreign' | 'catalog'
  readonly columns: readonly UsedColumn[]
  /** Absent: it is no view or materialized view, or its definition isn't known. */
  readonly view?: ViewDefinition
}

/** What a part of a statement's work is done by, where its own text doesn't do it. */
export const AGENCIES = [
  'function',
  'trigger',
  'rule',
  'cascade',
  'default',
  'check',
  'generated',
  'policy',
  'index',
  'partition',
  'operator',
  'cast',
  'event-trigger',
  'view',
] as const
export type Agency = (typeof AGENCIES)[number]

/** The function, trigger, rule … that does something on the statement's behalf. */
export interface Via {
  readonly kind: Agency
  /**
   * `schema.name` of a routine, operator, type or view; `schema.relation.name` of what belongs to a relation. An event
   * trigger has a name alone.
   */
  readonly name: string
}

/**
 * One thing that a statement does. A statement is allowed when every one of its uses is.
 * - `relation`: touches a relation in some way.
 * - `function`: calls a function that isn't pure, or that isn't known.
 * - `statement`: does something that concerns no single relation or function (BEGIN, SET, CREATE ROLE, SELECT 1).
 *
 * `via` says what does it, where the statement's text doesn't: the body of a function that it calls, a trigger on the
 * relation that it writes to. `place` is then where the statement sets that off. Masks can't be put into such a use: the
 * columns of its relation are those alone whose values the code may read or hand on, be the use a read or a write.
 *
 * `tag` is that of the statement within that does it: of a DELETE in a WITH, of a CREATE TABLE in a CREATE SCHEMA, of a
 * statement of the code. Absent: the statement's own, or that of a SELECT.
 */
export type Use =
  | {
      readonly kind: 'relation'
      readonly effect: Effect
      readonly access: Access
      readonly relation: UsedRelation
      /** No WHERE, or one that is always true; TRUNCATE. */
      readonly unbounded: boolean
      readonly via?: Via
      readonly tag?: string
      readonly place: Place
    }
  | {
      readonly kind: 'function'
      readonly effect: Effect
      /** `schema.name` where the schema is known, else the name as written. */
      readonly function: string
      readonly why: string
      readonly via?: Via
      readonly tag?: string
      readonly place: Place
    }
  | {
      readonly kind: 'statement'
      readonly effect: Effect
      readonly why: string
      readonly via?: Via
      readonly tag?: string
      readonly place: Place
    }

/** What a column is used for. `target`: it is assigned to. `set`: it is read to compute a value that is written. */
export const COLUMN_ROLES = ['output', 'predicate', 'join', 'group', 'order', 'returning', 'set', 'target'] as const
export type ColumnRole = (typeof COLUMN_ROLES)[number]

/**
 * A column that the statement uses, resolved as the server resolves names. Where a name may be of several relations (one
 * of them isn't in the catalog, say) there is an entry for each. `*` is the whole row of a relation that the catalog
 * doesn't have.
 */
export interface ColumnUse extends ColumnName {
  readonly role: ColumnRole
  readonly place: Place
}

/** A column of a statement's result. */
export interface Output {
  /** Its label, as RowDescription has it. */
  readonly name: string
  /**
   * The columns of relations that the statement names whose values may show in it. A view's column stands for itself
   * here: {@link UsedColumn.origins} leads on to base columns.
   */
  readonly origins: readonly ColumnName[]
  /** `copy`: the value of its one origin, unchanged. `computed`: made from its origins. `unknown`: may show anything. */
  readonly lineage: 'copy' | 'computed' | 'unknown'
}

/**
 * How a function is classed; {@link FunctionCall}. `reads-context`: what it shows is the time, the session, the schema or
 * rights. `reads-state`: sequences, sizes, counters and the like. `reads-rows`: rows or statements that nothing masks.
 */
export const FUNCTION_CLASSES = [
  'pure',
  'reads-context',
  'reads-state',
  'reads-rows',
  'settings',
  'transaction',
  'write',
  'locks',
  'external',
  'notifies',
  'runs-sql',
  'controls-server',
  'ddl',
  'unknown',
] as const
export type FunctionClass = (typeof FUNCTION_CLASSES)[number]

/** A call that the statement's text makes, of any function, pure ones too. */
export interface FunctionCall {
  /** `schema.name` where the schema is known, else the name as written. */
  readonly name: string
  readonly class: FunctionClass
  readonly place: Place
}

/** Something that no policy can allow, because the gateway itself would stop being sound. */
export interface Prohibition {
  readonly code: ProhibitionCode
  readonly message: string
  readonly hint: string
  readonly place: Place
}
export type ProhibitionCode = 'PINNED_SETTING' | 'ROLE_CHANGE' | 'UNSUPPORTED'

/** How COPY … TO STDOUT writes its rows (manual, COPY). The signs are single characters of one byte. */
export type CopyFormat =
  | { readonly kind: 'text'; readonly delimiter: string; readonly nullText: string; readonly hasHeader: boolean }
  | {
      readonly kind: 'csv'
      readonly delimiter: string
      readonly nullText: string
      readonly quote: string
      readonly escape: string
      readonly hasHeader: boolean
    }
  | { readonly kind: 'binary' }

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
  /** Reading it took longer than it may. */
  | 'TOO_SLOW'
  /** Too many texts wait to be read; later it may be understood. */
  | 'BUSY'
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
      /** Every column that it uses and what for. At least those that the server's own dependency record would name. */
      readonly columns: readonly ColumnUse[]
      /** The columns of its result; null where it gives no rows of its own, or which they are isn't known. */
      readonly outputs: readonly Output[] | null
      /** The functions that its text calls. What their bodies do is in `uses`. */
      readonly calls: readonly FunctionCall[]
      /** Names the statement but for its literals and its layout: for counting alike statements, never for deciding. */
      readonly fingerprint: string
      /** The statement on one spelling, literals kept, no comments: what a person is shown. */
      readonly canonical: string
      /** `in`: rows from the client. `out`: rows to the client by CopyData. */
      readonly copy: 'in' | 'out' | null
      /** Of `out`; absent where the format isn't known, and then nobody can look into the data. */
      readonly copyFormat?: CopyFormat
      /** `emptied`: from here on the session finds no relation but by its schema. The rewriter must see to it that it's so. */
      readonly searchPath: 'kept' | 'emptied'
      /**
       * It takes a name away where names are looked up in several schemas: until its transaction ends, the server may find
       * something else by that name than the catalog shows.
       */
      readonly takesName?: boolean
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

/** Bytes that one use, mention, column, call or origin takes with its place: some fifteen words, by a guess on the high side. */
const FACT_BYTES = 160
const FEWEST_BYTES = 1_024

/** About how many bytes facts take in memory besides the text itself. Names are the catalog's, and cost nothing more. */
export function weightOf(facts: Facts): number {
  if (facts.kind === 'opaque') return FEWEST_BYTES
  const { uses, mentions, columns, calls, prohibitions, outputs, canonical } = facts
  let parts = uses.length + mentions.length + columns.length + calls.length + prohibitions.length
  for (const { origins } of outputs ?? []) parts += 1 + origins.length
  return FEWEST_BYTES + canonical.length + parts * FACT_BYTES
}

/** What an entry of a memory may weigh on average, in bytes: the total is bounded by this times the entries. */
export const REMEMBERED_BYTES_EACH = 4_096
const REMEMBERED_BYTES_MAX = 131_072

/**
 * Whether facts are worth a place in a memory: a short text can do so much that what is known of it takes as much room as
 * many others do. The memory itself is bounded by the sum of weights, see {@link weightOf}.
 *
 * @example
 * if (isRememberable(facts)) cache.set(statement.text, facts)
 */
export const isRememberable = (facts: Facts): boolean => weightOf(facts) <= REMEMBERED_BYTES_MAX
