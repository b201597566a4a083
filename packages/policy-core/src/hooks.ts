import type { Catalog } from './catalog.ts'
import type { ApprovalTerms, Decision } from './decision.ts'
import type { CloseReason, Entry, SessionOpening } from './entry.ts'
import type { CopyFormat, Facts, UsedColumn } from './facts.ts'
import type { DetectedMask, LookupBudget, Mask, MaskedRelation } from './mask.ts'
import type { CompiledPolicy } from './policy/compile.ts'
import type { Identity, Instant, Principal } from './principal.ts'
import type { Place, Statement } from './statement.ts'
import type { Target } from './target.ts'

/** What a client presents to log in. */
export interface Credential {
  readonly kind: 'bearer'
  readonly token: string
  /** Where the client connects from; static development tokens are good on loopback only. */
  readonly remoteAddress: string
}

/** Turns a credential into a principal, or throws. */
export type Verifier = (credential: Credential, now: Instant) => Promise<Principal>

/**
 * Says what a statement does. Pure and total: a text that can't be understood is opaque facts, never an exception or a
 * rejection. What is soon said is said at once; only a text that takes a while is a promise. `asker` is whoever the answer
 * is for, as any object of its own: askers take turns where there is a queue.
 */
export type Classifier = (statement: Statement, catalog: Catalog, asker?: object) => Facts | Promise<Facts>

/** SQL that yields a masked column's value. `reference` is the column as SQL, quoted and qualified. */
export type MaskSql = (mask: Mask, column: UsedColumn, reference: string) => string

/** How many values a statement looks up under one mask entry of the policy. A parameter that holds a list counts when it is bound. */
export interface Lookup {
  /** The position in the policy's `masks` list. */
  readonly entry: number
  readonly budget: LookupBudget
  /** Literals, and parameters of one value. */
  readonly values: number
  /** Indexes of parameters, from 0, that hold a list of values (`= ANY ($1)`). */
  readonly lists: readonly number[]
}

/** Columns of one view, by its oid. */
export interface ViewColumns {
  readonly oid: number
  readonly attnums: readonly number[]
}

/** A rewriting: the text to send, or why there is none. */
export type Rewriting =
  | {
      readonly kind: 'rewritten'
      readonly text: string
      /** How often each masked column under `equality` is compared with a value: guesses, for its budget. Absent: none. */
      readonly lookups?: readonly Lookup[]
      /**
       * Columns of views that stand as they are, since their definitions were proven to put nothing into them that is masked;
       * their origins alone don't tell. Absent: none.
       */
      readonly proven?: readonly ViewColumns[]
    }
  | {
      readonly kind: 'impossible'
      readonly why: string
      readonly hint: string
      readonly place: Place | null
      /** What its refusal says. Absent: `CANNOT_MASK`. */
      readonly code?: 'CANNOT_MASK' | 'WRITES_MASK'
    }

/**
 * Puts masks where the rows are fetched: every reference to a masked relation becomes a subquery with the masks in it. Of a
 * relation that is changed in place, every reference to a masked column becomes its mask, and an assignment to one is
 * guarded: a mask must not be written over the value that it stands for.
 * With no masks it gives the text that was judged. What can't be rewritten soundly is impossible, never guessed. As of a
 * {@link Classifier}, an answer that takes a while is a promise, and never rejects.
 */
export type Rewriter = (
  statement: Statement,
  facts: Facts,
  masks: readonly MaskedRelation[],
  maskSql: MaskSql,
  catalog: Catalog,
  asker?: object,
) => Rewriting | Promise<Rewriting>

/**
 * Says how many rows the planner of the target's server expects a statement to give or to change, without running it; null
 * where it can't say. It is shown only what calls no code but the server's own computing functions. What it throws counts
 * as null.
 */
export type Estimator = (
  statement: Statement,
  context: { readonly session: string; readonly target: Target; readonly signal: AbortSignal },
) => Promise<number | null>

/** A column of a result, as the server describes it. */
export interface ResultColumn {
  readonly name: string
  /** The relation and column it comes from, or 0 where the server can't say. */
  readonly tableOid: number
  readonly attnum: number
  readonly typeOid: number
  readonly typmod: number
  readonly format: 'text' | 'binary'
}

/** A cell as the wire carries it: bytes of its type's text or binary form, text form as a string, or NULL. */
export type Cell = Uint8Array | string | null

/** Replaces cells in place. Called once a row; looks nothing up. */
export type MaskRow = (cells: Cell[]) => void

/** What the result side must do with values that no rewriting can foresee. */
export interface ResultPlan {
  readonly detect: readonly DetectedMask[]
}

/** Prepares the result-side masking of one result, or gives null where no cell of it can change. */
export type Masker = (plan: ResultPlan, columns: readonly ResultColumn[]) => MaskRow | null

/**
 * Masks whole DataRow frames, `source[start, end)`. Gives the frames to send, in bytes that nobody else holds nor writes to
 * again, so that they may wait for a socket; or `source` itself where nothing changes: send its `[start, end)`. Throws where
 * the bytes are anything but whole rows of the result.
 */
export type MaskFrames = (source: Uint8Array, start: number, end: number) => Uint8Array

/**
 * Masks the data of one COPY … TO STDOUT, whatever pieces it comes in. `push` gives what can be sent by now, which may be
 * nothing; `finish` the rest. What is given is good until the next call. Both throw where the data isn't of the format.
 */
export interface MaskCopy {
  readonly push: (data: Uint8Array) => Uint8Array
  readonly finish: () => Uint8Array
}

/** Masks in all of their forms. */
export interface Masking {
  readonly sql: MaskSql
  readonly rows: Masker
  /** As `rows`, on the bytes of the wire. Null where no cell can change. Absent: rows are masked cell by cell. */
  readonly frames?: ((plan: ResultPlan, columns: readonly ResultColumn[]) => MaskFrames | null) | undefined
  /**
   * Looks into COPY data. Absent: COPY is refused where detectors must look. With `columns`, as the server describes the query
   * inside, each field is masked as a cell of that column; without, every field is taken for what it looks like.
   */
  readonly copy?: ((plan: ResultPlan, format: CopyFormat, columns?: readonly ResultColumn[]) => MaskCopy) | undefined
}

/** The name of a value that must never leave a target and that a cell holds, in whatever form; null where it holds none. */
export type Watcher = (cell: Uint8Array | string, target: Target) => string | null

/** All that an approval is bound to. */
export interface Question {
  readonly session: string
  readonly principal: Principal
  readonly target: Target
  readonly statement: Statement
  readonly canonical: string
  readonly decision: Extract<Decision, { kind: 'approve' }>
  readonly terms: ApprovalTerms
  readonly policyVersion: string
  readonly catalogFingerprint: string
  readonly searchPath: readonly string[]
}

export type Answer =
  | { readonly kind: 'granted'; readonly request: string; readonly by: readonly Identity[]; readonly reason: string }
  | { readonly kind: 'denied'; readonly request: string; readonly by: readonly Identity[]; readonly reason: string }
  | { readonly kind: 'expired'; readonly request: string }
  | { readonly kind: 'withdrawn'; readonly request: string }

/** What the asker is told while it waits. */
export interface Pending {
  readonly request: string
  readonly expiresAt: Instant
}

/**
 * Asks people. Resolves with their answer, already redeemed: a granted answer is good for this one question and can't
 * be had twice. `signal` aborts when the asker leaves or cancels; the request is then withdrawn.
 */
export type Approver = (
  question: Question,
  signal: AbortSignal,
  onPending: (pending: Pending) => void,
) => Promise<Answer>

/** Writes the account of one session. */
export interface SessionRecorder {
  /** Resolves when the entry is durable. Rejects when it can't be made so; the session then ends. */
  readonly append: (entry: Entry) => Promise<void>
  readonly close: (reason: CloseReason) => Promise<void>
}

/** Opens the account of a session; resolves when its opening is durable. */
export type Recorder = (opening: SessionOpening) => Promise<SessionRecorder>

/** The current catalog of a target. Rejects when there is none fresh enough to decide by. */
export type CatalogSource = (target: Target) => Promise<Catalog>

/**
 * The policy in force. Asked once for each judgement: a statement is judged by one policy from beginning to end, and the
 * next one by what is in force then. A new policy must be a new object.
 *
 * @example
 * let policy = compilePolicy(first, { version: '1' })
 * const gate = openGate({ …, policy: () => policy })
 * policy = compilePolicy(second, { version: '2' })   // open sessions feel it from their next statement on
 */
export type PolicySource = () => CompiledPolicy

/** Time, handed in. */
export interface Clock {
  readonly now: () => Instant
  /** Milliseconds from an arbitrary origin; never goes back. */
  readonly monotonic: () => number
}
