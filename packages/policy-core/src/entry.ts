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
  /** What the target said of itself, such as `server_version`. Absent: nothing is known. */
  readonly server?: Readonly<Record<string, string>>
  /** What the client said of itself: user name, application_name, address. Never trusted, always recorded. */
  readonly client: Readonly<Record<string, string>>
}

/** What a server says of an error or in a notice, as the client received it: where masks are, without the server's words. */
export interface ServerMessage {
  readonly severity: string
  readonly sqlstate: string
  readonly message: string
  /** The name of the constraint that was violated; null for other messages. */
  readonly constraint: string | null
}

/** What a statement took. */
export interface Measured {
  /** Rows that went to the client, or came from it. */
  readonly rows: number
  readonly bytes: number
  /** From its first byte upstream to its last byte back. */
  readonly ms: number
  /** From its clearance to its first byte upstream. Absent: not known. */
  readonly waitedMs?: number
}

/** What became of a statement that was cleared. */
export type Completion =
  | ({ readonly kind: 'done'; readonly tag: string } & Measured)
  | ({ readonly kind: 'failed'; readonly sqlstate: string; readonly error?: ServerMessage } & Measured)
  /** Cleared but never sent: an earlier statement of its batch failed or was refused. */
  | { readonly kind: 'not-run'; readonly why: string }
  | ({ readonly kind: 'cancelled'; readonly why: string } & Measured)
  /** The database went away while it ran. */
  | { readonly kind: 'unknown'; readonly why: string }

/** A column of a result, as the client was told of it. */
export interface RecordedColumn {
  readonly name: string
  readonly typeOid: number
  readonly format: 'text' | 'binary'
}

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
  /**
   * Rows as the client receives them, in masks. Given where the statement's obligations ask for it, in order; resolves
   * when the recorder can take more.
   */
  | {
      readonly kind: 'rows'
      readonly statement: number
      /** The number of the first of them within the result, from 0. */
      readonly first: number
      readonly rows: number
      /** With the first rows of a result; null afterwards, and where the client was told none (COPY). */
      readonly columns: readonly RecordedColumn[] | null
      /**
       * Whole DataRow or CopyData frames of the wire protocol; or a part of one that is too large to be held, of which only the
       * last counts as a row. Read before `append` returns; the caller's again then.
       */
      readonly frames: Uint8Array
      /**
       * `digest`: nothing is kept of the frames but their length and a keyed digest. `secret`: the same, as a secret may be among
       * them. Absent: they are kept, encrypted.
       */
      readonly keep?: 'frames' | 'digest' | 'secret'
    }
  | { readonly kind: 'notice'; readonly statement: number | null; readonly notice: ServerMessage }
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
