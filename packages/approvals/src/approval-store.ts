import type { Question } from '@querywarden/policy-core'
import type { ApprovalRequest, ApprovalState, Vote } from './approval-request.ts'

/**
 * Where requests live. Every method is one atomic step, and rejects rather than guesses: a store that can't be reached
 * means that nothing is granted.
 *
 * A store reads time itself: a request whose expiry has passed is `expired` to every method, whether or not anybody
 * has moved it yet.
 */
export interface ApprovalStore {
  /**
   * Keeps a new pending request. It expires after the terms' time, and no later than the asker's credential.
   * Rejects with `TOO_MANY_REQUESTS` or `TOO_LARGE` beyond the store's bounds.
   */
  readonly create: (question: Question) => Promise<ApprovalRequest>
  /** The request, or null where there is none of this id. */
  readonly get: (id: string) => Promise<ApprovalRequest | null>
  /** Requests in one of these states, oldest first. */
  readonly list: (states: readonly ApprovalState[]) => Promise<readonly ApprovalRequest[]>
  /**
   * Adds one person's answer; a denial settles the request, a grant does at the quorum. Who may answer is the business
   * of {@link answerRequest}, which is what callers use. Rejects: `NOT_FOUND`, `NOT_PENDING`, `ALREADY_ANSWERED`, `EXPIRED`.
   */
  readonly answer: (id: string, vote: Omit<Vote, 'at'>) => Promise<ApprovalRequest>
  /**
   * Consumes a granted request, if the digest is its own. Of any number of callers at most one ever resolves.
   * Rejects: `NOT_FOUND`, `NOT_GRANTED`, `DIGEST_DIFFERS`, `EXPIRED`.
   */
  readonly redeem: (id: string, digest: string) => Promise<ApprovalRequest>
  /** Ends an open request because the asker is gone. Leaves a settled one as it is; resolves with how it stands. */
  readonly withdraw: (id: string) => Promise<ApprovalRequest>
  /** Ends an open request because its time is over on a clock that can't be set back. Otherwise like `withdraw`. */
  readonly expire: (id: string) => Promise<ApprovalRequest>
  /**
   * Resolves once the request is no longer pending. Rejects when `signal` aborts. A store needn't wake up for an expiry:
   * whoever waits keeps a deadline.
   */
  readonly waitForAnswer: (id: string, signal: AbortSignal) => Promise<ApprovalRequest>
}
