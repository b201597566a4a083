import type { Cleared, MaskFrames, MaskRow, Parameter, ResultColumn } from '@querywarden/policy-core'
import type { PreparedStatement } from './prepared-statement.ts'

/** One run of a statement, in however many parts it is fetched: what it may do, and what it has given. */
export interface Run {
  /** Set when it is decided; all parts of it go under the same clearance. Null again if it was not run. */
  cleared: Cleared | null
  /** Something of it was sent, so the recording hears what became of it. */
  isBegun: boolean
  rows: number
  bytes: number
  /** When its first byte went upstream, on the monotonic clock; null before that. */
  sentMs: number | null
  /** What the server said that the data of a COPY has, or null where it wasn't asked or hasn't answered. */
  copied: { readonly columns: readonly ResultColumn[]; readonly isExact: boolean } | null
}

/** What rows go through: bytes of the wire where the masking works on these, else cell by cell. */
export type RowMask =
  | { readonly kind: 'cells'; readonly mask: MaskRow }
  | { readonly kind: 'frames'; readonly mask: MaskFrames }

export const newRun = (): Run => ({ cleared: null, isBegun: false, rows: 0, bytes: 0, sentMs: null, copied: null })

/** A portal, from Bind or DECLARE to the end of its transaction. Limits count over all of its run. */
export interface Portal {
  readonly name: string
  readonly upstreamName: string
  readonly statement: PreparedStatement
  /** What is judged for it: the statement itself, or what EXECUTE runs, or what a FETCH has its rows from. */
  readonly subject: PreparedStatement
  readonly parameters: readonly Parameter[]
  /** A FETCH goes on with the run of its cursor. */
  readonly run: Run
  /** What its statement names, or null: there was nothing of that name. */
  readonly target: PreparedStatement | Portal | null
  /** What DECLARE says of it; null for portals of the protocol. */
  readonly cursor: Cursor | null
  /** Set by the answer to a Describe, whoever asked for it. */
  columns: readonly ResultColumn[] | null
  mask: RowMask | null
}

/** What a cursor of SQL has that a portal of the protocol has not. */
export interface Cursor {
  readonly isBinary: boolean
  readonly isHold: boolean
  /** The transaction that made it has committed, and it goes on: WITH HOLD. */
  isHeld: boolean
}
