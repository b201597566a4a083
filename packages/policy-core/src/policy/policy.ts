import type { RowRecording } from '../decision.ts'
import type { Access, Agency, Effect } from '../facts.ts'
import type { Detector, DetectorPattern, LookupBudget, Mask, PredicateMode } from '../mask.ts'
import type { ClaimValue, Instant } from '../principal.ts'

/** A condition on one identity. Every given part must hold; null means that it doesn't matter. Names are compared whole. */
export interface IdentityCondition {
  /** One of these groups. */
  readonly groups: readonly string[] | null
  readonly subjects: readonly string[] | null
  readonly issuers: readonly string[] | null
}

/** A claim of the token that must have one of these values. `"1"`, `1` and `true` are three values. */
export interface ClaimCondition {
  readonly name: string
  readonly values: readonly ClaimValue[]
}

/** A condition on the agent that acts for somebody: there is none, there is one, there is one like this. */
export type ActorCondition =
  | { readonly kind: 'none' }
  | { readonly kind: 'any' }
  | ({ readonly kind: 'like' } & IdentityCondition)

/**
 * Who a rule is about. Every given condition must hold; an empty one matches everybody.
 *
 * Where an agent acts for a person, each of them is held against `groups`, `subjects`, `issuers` and `claims` by itself,
 * and both must be allowed. `actor` looks at the request instead: whoever of the two is held against the rule, it is
 * about the agent that acts.
 */
export interface Who extends IdentityCondition {
  readonly claims: readonly ClaimCondition[] | null
  readonly actor: ActorCondition | null
}

/** No condition. */
export const EVERYBODY: Who = { groups: null, subjects: null, issuers: null, claims: null, actor: null }

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof WEEKDAYS)[number]

/**
 * A time that comes back, as a clock on the wall of `zone` shows it: in the hour that a change to winter time repeats
 * it holds twice. Where `to` isn't after `from` it ends on the day after, and `days` are those on which it begins.
 */
export interface TimeWindow {
  /** Null is every day. */
  readonly days: readonly Weekday[] | null
  /** Minutes since midnight, inclusive. */
  readonly from: number
  /** Minutes since midnight, exclusive; 1440 is the end of the day. */
  readonly to: number
  /** An IANA name, such as `Europe/Berlin`. */
  readonly zone: string
}

/** When a rule holds. Every given part must; null means always. */
export interface When {
  /** In one of these. */
  readonly windows: readonly TimeWindow[] | null
  /** From this moment on. */
  readonly from: Instant | null
  /** Up to this moment, and not at it. */
  readonly until: Instant | null
}

/** How many rows the server's planner expects a statement to give or to change. */
export interface RowEstimate {
  readonly over: number | null
  readonly atMost: number | null
}

/** Whose doing a part of a statement's work is: its own text's, or that of a trigger, a function … */
export type Doer = 'statement' | Agency

/**
 * What a rule is about. Every given condition must hold; null means that the rule doesn't care. What isn't known
 * (columns, an estimate, whether a transaction is open) counts against allowing: an allow that asks for it doesn't match,
 * an approve or a deny does.
 */
export interface What {
  /** Without it a rule matches every effect; but only a deny matches `unknown` unless it is named. */
  readonly effects: readonly Effect[] | null
  /** `schema.relation` patterns: `*` matches within a part, `public.*`, `*.orders`. */
  readonly relations: readonly string[] | null
  readonly access: readonly Access[] | null
  /** `schema.function` patterns. */
  readonly functions: readonly string[] | null
  readonly unbounded: boolean | null
  /** Tags of statements, as in CommandComplete: `DROP TABLE`, `CREATE *`. */
  readonly tags: readonly string[] | null
  /**
   * `schema.relation.column` patterns. A deny or an approve matches a use of a relation if it may touch one such column,
   * be it through a view; an allow only if it touches no other.
   */
  readonly columns: readonly string[] | null
  readonly via: readonly Doer[] | null
  readonly estimatedRows: RowEstimate | null
  /** Whether the text that it came in held several statements. */
  readonly multiStatement: boolean | null
  /** Whether a transaction was open when it came. */
  readonly inTransaction: boolean | null
}

/** No condition. */
export const EVERYTHING: What = {
  effects: null,
  relations: null,
  access: null,
  functions: null,
  unbounded: null,
  tags: null,
  columns: null,
  via: null,
  estimatedRows: null,
  multiStatement: null,
  inTransaction: null,
}

export interface ApprovalRequirement {
  readonly approverGroups: readonly string[]
  readonly quorum: number
  readonly expiresMs: number
  readonly mode: 'hold' | 'return' | 'auto'
}

interface RuleParts {
  readonly id: string
  readonly who: Who
  /** Target name patterns, or null for every target. */
  readonly targets: readonly string[] | null
  /** Null is always. */
  readonly when: When | null
  readonly what: What
  readonly reason: string | null
}

/** One line of policy. */
export type Rule = RuleParts &
  ({ readonly decision: 'allow' | 'deny' } | { readonly decision: 'approve'; readonly approval: ApprovalRequirement })

/** Which columns, or which looks of a value, are shown how, and to whom not. */
export type MaskEntry = {
  readonly mask: Mask
  readonly predicates: PredicateMode
  readonly lookups: LookupBudget
  /** Whose view is masked; everybody's where null. */
  readonly who: Who | null
  /** Who sees the value all the same. */
  readonly unless: Who | null
  readonly targets: readonly string[] | null
} & (
  | { readonly kind: 'columns'; readonly columns: readonly string[] }
  /** Patterns of tags: `pii.*`. */
  | { readonly kind: 'tags'; readonly tags: readonly string[] }
  /** Patterns of data types and domains: `public.ssn_t`, or `inet` for the type of that name in any schema. */
  | { readonly kind: 'types'; readonly types: readonly string[] }
  | {
      readonly kind: 'detect'
      readonly detectors: readonly Detector[]
      /** Absent: none. */
      readonly patterns?: readonly DetectorPattern[]
    }
)

export interface LimitEntry {
  readonly who: Who
  readonly targets: readonly string[] | null
  readonly rowsMax: number | null
  readonly bytesMax: number | null
  readonly timeMsMax: number | null
  /** How many statements somebody may send to a target, over all sessions, in any minute and in any 24 hours. */
  readonly statementsPerMinuteMax: number | null
  readonly statementsPerDayMax: number | null
}

/** How much of the rows that somebody receives is recorded. Where several entries hold, the one that records the most. */
export interface RecordEntry {
  readonly who: Who
  readonly targets: readonly string[] | null
  readonly rows: RowRecording
}

/** A policy, validated. A set: the order of rules means nothing. */
export interface Policy {
  readonly version: 1
  readonly rules: readonly Rule[]
  readonly masks: readonly MaskEntry[]
  readonly limits: readonly LimitEntry[]
  /** Absent: no rows are recorded. */
  readonly record?: readonly RecordEntry[]
}
