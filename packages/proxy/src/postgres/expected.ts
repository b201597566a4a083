import type { Cleared, Completion, Obligations } from '@querywarden/policy-core'
import type { Awaiting, ReadyForQuery } from '@querywarden/wire/postgres'
import type { Portal } from './portal.ts'
import type { Commit } from './session-objects/after-execute.ts'
import type { Naming } from './session-objects/naming.ts'

/** How an upstream error is shown: whether its words may be, and where its position points in the client's text. */
export interface ErrorView {
  /** The statement reads masked columns: only SQLSTATE and constraint name go out. */
  readonly withheld: boolean
  /** Characters to add to the position, or null where the text was rewritten and a position means nothing. */
  readonly positionShift: number | null
  /** What the statement names: the client knows it by another name than the server. */
  readonly naming: Naming | null
}

/** A cleared statement on its way through the server. */
export interface Running {
  readonly cleared: Cleared
  readonly portal: Portal
  /** On the monotonic clock; null until the server gets to it. */
  startedMs: number | null
  /** Why the gateway itself stopped it, or null. */
  stopped: 'rows' | 'bytes' | 'time' | null
}

/** The statement, where its rows are recorded. */
export const recordedOf = (running: Running): Running | null =>
  running.cleared.obligations.rows === undefined ? null : running

/**
 * What the server owes for one message sent to it, in order. `show` says what of the answer the client, who may not
 * have asked for it, gets to see.
 */
export type Expected =
  | { readonly kind: 'parse'; readonly show: boolean; readonly commit: () => void; readonly view: ErrorView }
  | {
      readonly kind: 'bind'
      readonly show: boolean
      readonly commit: () => void
      readonly view: ErrorView
      readonly portal: Portal
    }
  | { readonly kind: 'describe-statement'; readonly view: ErrorView }
  /** What a COPY behind it gives; the client sees nothing of it. */
  | {
      readonly kind: 'describe-copy'
      readonly portal: Portal
      readonly cleared: Cleared
      readonly isExact: boolean
      readonly view: ErrorView
    }
  | {
      readonly kind: 'describe-portal'
      readonly show: 'all' | 'rows' | 'nothing'
      readonly portal: Portal
      readonly view: ErrorView
    }
  | {
      readonly kind: 'execute'
      readonly running: Running
      readonly view: ErrorView
      /** What its completion changes for the names of the session. */
      readonly commit: Commit | null
    }
  /** The empty statement, or one that names what isn't there: nothing runs, nothing is recorded. */
  | { readonly kind: 'execute-empty'; readonly view: ErrorView }
  | { readonly kind: 'close'; readonly show: boolean; readonly commit: () => void; readonly view: ErrorView }
  /**
   * A message made to fail, so that the server aborts its transaction as it would for an error of its own. One that
   * skips to the next Sync already says nothing to it.
   */
  | { readonly kind: 'poison' }
  | { readonly kind: 'sync' }

/** The statement that a message is about, where it was cleared and there is one. */
export function clearedOf(head: Expected | undefined): Cleared | null {
  switch (head?.kind) {
    case 'execute':
      return head.running.cleared
    case 'bind':
    case 'describe-portal':
      return head.portal.run.cleared
    case 'describe-copy':
      return head.cleared
    default:
      return null
  }
}

/** Whether what the server says of a statement may hold values that the policy hides. */
export const hidesValues = ({ masks, detect, withholdsWords }: Obligations): boolean =>
  masks.length > 0 || detect.length > 0 || withholdsWords === true

export const PLAIN_VIEW: ErrorView = { withheld: false, positionShift: 0, naming: null }
const WITHHELD_VIEW: ErrorView = { withheld: true, positionShift: null, naming: null }

/**
 * How an error or notice is shown that comes in answer to this. A transaction's end runs what was deferred for any
 * statement of it, so all that it says is withheld once one of them has touched masked columns: `hasMasked`.
 */
export function viewOf(head: Expected | undefined, hasMasked: boolean): ErrorView {
  if (hasMasked && (head === undefined || head.kind === 'sync' || isTransactionControl(head))) return WITHHELD_VIEW
  return head !== undefined && 'view' in head ? head.view : PLAIN_VIEW
}

const isTransactionControl = (expected: Expected): boolean =>
  expected.kind === 'execute' && expected.running.cleared.facts.uses.some(({ effect }) => effect === 'transaction')

/** A statement done but for the commit at its Sync, and the frame that says so: a stretch of what came. */
export interface Uncommitted {
  readonly running: Running
  readonly completion: Completion
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** How a batch ended: at a Sync, or by its last answer where the client only flushed. */
export type BatchEnd =
  | { readonly kind: 'ready'; readonly status: ReadyForQuery['status'] }
  | { readonly kind: 'flushed'; readonly hasFailed: boolean }
  /** The server takes COPY data now; what it still owes is waited for anew. */
  | { readonly kind: 'copy-in'; readonly running: Running }

/** What the server is due to say for the message at the head of the line, by the protocol's own table. */
export function awaitingFor(head: Expected | undefined): Awaiting {
  switch (head?.kind) {
    case undefined:
      return 'nothing'
    case 'execute-empty':
      return 'execute'
    case 'describe-copy':
      return 'describe-statement'
    case 'poison':
      // It is answered by an error, or skipped like all else up to the Sync behind it.
      return 'sync'
    default:
      return head?.kind ?? 'nothing'
  }
}
