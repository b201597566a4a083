import type { ApprovalTerms, Obligations, Reason, Refusal } from './decision.ts'
import type { Effect } from './facts.ts'
import type { Identity, Principal } from './principal.ts'
import type { Parameter } from './statement.ts'
import type { Target } from './target.ts'

/** What a recording opens with. */
export interface SessionOpening {
  readonly session: string
  readonly principal: Principal
  readonly target: Target
  readonly policyVersion: string
  readonly catalogFingerprint: string
  /** What the client said of itself: user name, application_name, address. Never trusted, always recorded. */
  readonly client: Readonly<Record<string, string>>
}

/** What became of a statement that was cleared. */
export type Completion =
  | { readonly kind: 'done'; readonly tag: string; readonly rows: number; readonly bytes: number; readonly ms: number }
  | {
      readonly kind: 'failed'
      readonly sqlstate: string
      readonly rows: number
      readonly bytes: number
      readonly ms: number
    }
  /** Cleared but never sent: an earlier statement of its batch failed or was refused. */
  | { readonly kind: 'not-run'; readonly why: string }
  | {
      readonly kind: 'cancelled'
      readonly why: string
      readonly rows: number
      readonly bytes: number
      readonly ms: number
    }
  /** The database went away while it ran. */
  | { readonly kind: 'unknown'; readonly why: string }

/** One line of a session's account. `statement` numbers statements within the session from 1. */
export type Entry =
  | {
      readonly kind: 'intent'
      readonly statement: number
      /** Exactly as received. The recorder digests it; what it stores is its own rule. */
      readonly text: string
      readonly canonical: string
      readonly params: readonly Parameter[]
      readonly tag: string
      readonly effects: readonly Effect[]
      readonly relations: readonly string[]
      readonly functions: readonly string[]
      readonly decision: 'allow' | 'approve'
      readonly reasons: readonly Reason[]
      readonly approval: string | null
      readonly obligations: Obligations
    }
  | {
      readonly kind: 'refused'
      readonly statement: number
      readonly text: string
      readonly canonical: string
      readonly params: readonly Parameter[]
      readonly effects: readonly Effect[]
      readonly refusal: Refusal
      readonly reasons: readonly Reason[]
    }
  | {
      readonly kind: 'approval-requested'
      readonly statement: number
      readonly request: string
      readonly terms: ApprovalTerms
      readonly canonical: string
    }
  | {
      readonly kind: 'approval-answered'
      readonly statement: number
      readonly request: string
      readonly answer: 'granted' | 'denied' | 'expired' | 'withdrawn'
      readonly by: readonly Identity[]
      readonly reason: string
    }
  | { readonly kind: 'completion'; readonly statement: number; readonly completion: Completion }
  | { readonly kind: 'cancel-requested'; readonly statement: number | null }
  | { readonly kind: 'incident'; readonly statement: number | null; readonly code: string; readonly message: string }

/** Why a session ended. */
export type CloseReason =
  | 'client-left'
  | 'client-terminated'
  | 'credential-expired'
  | 'idle'
  | 'lifetime-over'
  | 'upstream-lost'
  | 'protocol-violation'
  | 'shutdown'
  | 'recorder-failed'
  | 'internal-error'
