import type { Via } from './facts.ts'
import type { DetectedMask, MaskedRelation } from './mask.ts'
import type { Place } from './statement.ts'

/** Why a statement was refused, for programs. Stable: additions only. */
export const REFUSAL_CODES = [
  'DENIED_BY_RULE',
  'NO_RULE_ALLOWS',
  'NOT_UNDERSTOOD',
  'PROHIBITED',
  'CANNOT_MASK',
  'MASKED_PREDICATE',
  'WRITES_MASK',
  'APPROVAL_DENIED',
  'APPROVAL_EXPIRED',
  'APPROVAL_WITHDRAWN',
  'APPROVAL_INSIDE_TRANSACTION',
  'APPROVER_FAILED',
  'RECORDER_FAILED',
  'CATALOG_UNAVAILABLE',
  'SESSION_ENDED',
  'LIMIT_EXCEEDED',
  'UNSUPPORTED',
  'INTERNAL',
] as const
export type RefusalCode = (typeof REFUSAL_CODES)[number]

/** A refusal says what, why and what to do. It never holds literals, row values or credentials. */
export interface Refusal {
  readonly code: RefusalCode
  /** The deciding rule, where a rule decided. */
  readonly rule: string | null
  readonly message: string
  readonly hint: string
  readonly place: Place | null
  /** The approval request that was not granted, where there was one. */
  readonly request: string | null
}

/** Why one use of the statement got its answer. */
export interface Reason {
  /** What the statement does there: `select on public.customers`, `call of pg_sleep`. */
  readonly use: string
  readonly answer: 'allow' | 'approve' | 'deny'
  /** The ids of the rules that gave this answer; empty for the default deny. */
  readonly rules: readonly string[]
  /** What does it, where the statement's own text doesn't. */
  readonly via?: Via
  readonly place: Place
}

/** What must hold while the statement runs. Where several apply, the stricter. */
export interface Obligations {
  readonly masks: readonly MaskedRelation[]
  readonly detect: readonly DetectedMask[]
  readonly limits: StatementLimits
  /**
   * Code that the statement sets off works on relations with masked columns, if not on those columns: the words of an
   * error may print a row all the same (`Failing row contains …`). Where there are masks, that is so anyway.
   */
  readonly withholdsWords?: boolean
  /** How much of the rows that the client receives is recorded. Absent: nothing. */
  readonly rows?: RowRecording
}

/**
 * What is recorded of the rows that a client receives, from the least on.
 * - `digest`: how many, and a keyed digest of their bytes.
 * - `first`: those too, and the first so many rows.
 * - `all`: all of them.
 */
export type RowRecording =
  | { readonly kind: 'digest' }
  | { readonly kind: 'first'; readonly rows: number }
  | { readonly kind: 'all' }

export interface StatementLimits {
  readonly rowsMax: number | null
  readonly bytesMax: number | null
  readonly timeMsMax: number | null
}

/** Who may answer, and for how long the question stands. */
export interface ApprovalTerms {
  readonly rules: readonly string[]
  /** An approver needs one of each list: every rule that asked must be satisfied. */
  readonly approverGroups: readonly (readonly string[])[]
  /** Distinct people. */
  readonly quorum: number
  readonly expiresMs: number
  readonly mode: 'hold' | 'return' | 'auto'
}

/** The policy's answer for one statement. */
export type Decision =
  | { readonly kind: 'allow'; readonly obligations: Obligations; readonly reasons: readonly Reason[] }
  | {
      readonly kind: 'approve'
      readonly terms: ApprovalTerms
      readonly obligations: Obligations
      readonly reasons: readonly Reason[]
    }
  | { readonly kind: 'deny'; readonly refusal: Refusal; readonly reasons: readonly Reason[] }
