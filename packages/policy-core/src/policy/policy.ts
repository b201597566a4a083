import type { Access, Effect } from '../facts.ts'
import type { Detector, Mask } from '../mask.ts'

/** Who a rule is about. Every given condition must hold; an empty one matches everybody. */
export interface Who {
  /** One of these groups. */
  readonly groups: readonly string[] | null
  readonly subjects: readonly string[] | null
  readonly issuers: readonly string[] | null
}

/** What a rule is about. Every given condition must hold; null means that the rule doesn't care. */
export interface What {
  /** Without it a rule matches every effect; but only a deny matches `unknown` unless it is named. */
  readonly effects: readonly Effect[] | null
  /** `schema.relation` patterns: `*` matches within a part, `public.*`, `*.orders`. */
  readonly relations: readonly string[] | null
  readonly access: readonly Access[] | null
  /** `schema.function` patterns. */
  readonly functions: readonly string[] | null
  readonly unbounded: boolean | null
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
  readonly what: What
  readonly reason: string | null
}

/** One line of policy. */
export type Rule = RuleParts &
  ({ readonly decision: 'allow' | 'deny' } | { readonly decision: 'approve'; readonly approval: ApprovalRequirement })

/** Which columns, or which looks of a value, are shown how, and to whom not. */
export type MaskEntry = {
  readonly mask: Mask
  /** Whose view is masked; everybody's where null. */
  readonly who: Who | null
  /** Who sees the value all the same. */
  readonly unless: Who | null
  readonly targets: readonly string[] | null
} & (
  | { readonly kind: 'columns'; readonly columns: readonly string[] }
  | { readonly kind: 'detect'; readonly detectors: readonly Detector[] }
)

export interface LimitEntry {
  readonly who: Who
  readonly targets: readonly string[] | null
  readonly rowsMax: number | null
  readonly bytesMax: number | null
  readonly timeMsMax: number | null
}

/** A policy, validated. A set: the order of rules means nothing. */
export interface Policy {
  readonly version: 1
  readonly rules: readonly Rule[]
  readonly masks: readonly MaskEntry[]
  readonly limits: readonly LimitEntry[]
}
