import type { UsedColumn, UsedRelation } from './facts.ts'

/** Where a secret lives. Secrets are only ever named in configuration, never written in it. */
export type SecretRef =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }

/** The steps of PostgreSQL's date_trunc that a mask may cut to. */
export const DATE_UNITS = ['year', 'quarter', 'month', 'week', 'day', 'hour'] as const
export type DateUnit = (typeof DATE_UNITS)[number]

/** How a protected value is shown. Every mask gives NULL where it can't give a value valid for the column's type. */
export type Mask =
  | ValueMask
  /** Members of json and jsonb, each by its path; the rest is shown. NULL for other types. */
  | { readonly kind: 'json'; readonly members: readonly JsonMember[] }

/** A mask over a whole value. */
export type ValueMask =
  /** A fixed text that says something is hidden: for text, json, xml, and arrays of text. NULL elsewhere. */
  | { readonly kind: 'redact' }
  | { readonly kind: 'null' }
  /** The first and last characters, the rest replaced by a fixed run of `fill`. Short values show nothing. */
  | { readonly kind: 'partial'; readonly first: number; readonly last: number; readonly fill: string }
  /** First letter and domain: `q***@example.com`. */
  | { readonly kind: 'email' }
  /** HMAC-SHA-256 in hex, keyed: equal values stay equal. `key` null means the deployment's default key. */
  | { readonly kind: 'hash'; readonly key: SecretRef | null }
  | { readonly kind: 'constant'; readonly value: string }
  | { readonly kind: 'date-trunc'; readonly unit: DateUnit }

export type MaskKind = Mask['kind']

/** A member of a JSON document, with the mask that it is seen through. An empty path is the document itself. */
export interface JsonMember {
  readonly path: readonly JsonStep[]
  readonly mask: ValueMask
}

/** `elements`: every element of an array. A value that isn't of the shape that a step expects is shown as null. */
export type JsonStep = { readonly kind: 'member'; readonly name: string } | { readonly kind: 'elements' }

/** What values look like that are masked wherever they turn up in text. */
export const DETECTORS = [
  'credit-card',
  'us-ssn',
  'email',
  'iban',
  'phone',
  'jwt',
  'aws-key',
  'gcp-key',
  'github-token',
  'slack-token',
  'openai-key',
  'private-key',
  'ip-address',
] as const
export type Detector = (typeof DETECTORS)[number]

/** A detector of the policy's own. */
export interface DetectorPattern {
  /** No name of {@link DETECTORS}. */
  readonly name: string
  /** In the syntax of RE2, every repeat with a bound. */
  readonly pattern: string
}

/** A detector with the mask for what it finds. */
export type DetectedMask =
  | { readonly detector: Detector; readonly pattern?: never; readonly mask: Mask }
  /** `detector` is the name of the pattern. */
  | { readonly detector: string; readonly pattern: string; readonly mask: Mask }

/**
 * What a predicate (WHERE, JOIN, GROUP BY, ORDER BY …) on a masked column does, from the strictest on.
 * - `deny`: the statement is refused.
 * - `on-mask`: it sees the mask.
 * - `equality`: it sees the mask, which is a keyed hash, and a literal or parameter that the column is compared with by `=`, IN or
 *   `= ANY` is hashed likewise: lookups by exact value find their row. Each such value is a guess, and counted.
 */
export const PREDICATE_MODES = ['deny', 'on-mask', 'equality'] as const
export type PredicateMode = (typeof PREDICATE_MODES)[number]

/** How many values somebody may look up in columns under `equality`. Null is no limit. */
export interface LookupBudget {
  readonly perMinuteMax: number | null
  readonly perDayMax: number | null
}

/** What holds where a policy says nothing of predicates. */
export const ON_MASK: { readonly predicates: PredicateMode; readonly lookups: LookupBudget } = {
  predicates: 'on-mask',
  lookups: { perMinuteMax: null, perDayMax: null },
}

/** One column of a relation, with the mask that this principal sees it through. */
export interface MaskedColumn {
  readonly column: UsedColumn
  readonly mask: Mask
  readonly predicates: PredicateMode
  /** Of `equality`; else no limit is looked at. */
  readonly lookups: LookupBudget
  /** The position in the policy's `masks` list, for explanations. */
  readonly entry: number
}

/** A relation of the statement that can only be read through masks. */
export interface MaskedRelation {
  readonly relation: UsedRelation
  /** Of a view: by the masks on the base columns that its own are made of, too. None where only what it reads is masked. */
  readonly columns: readonly MaskedColumn[]
  /** Of a view: those columns that the policy masks by the view's name, with the masks that this alone gives them. */
  readonly own?: readonly MaskedColumn[]
}
