import type { Identity, Instant, Question } from '@querywarden/policy-core'

/** Where a request stands. Only `pending` can be answered and only `granted` can be redeemed; the others are final. */
export const APPROVAL_STATES = ['pending', 'granted', 'redeemed', 'denied', 'expired', 'withdrawn'] as const
export type ApprovalState = (typeof APPROVAL_STATES)[number]

/** One person's answer. */
export interface Vote {
  readonly answer: 'granted' | 'denied'
  readonly by: Identity
  readonly reason: string
  readonly at: Instant
}

/** A question put to people, with all that became of it. */
export interface ApprovalRequest {
  /** Unique and unguessable; the nonce that makes two requests for the same statement different. */
  readonly id: string
  readonly question: Question
  /** {@link requestDigest} of the question under this id and expiry, in hex. */
  readonly digest: string
  readonly createdAt: Instant
  readonly expiresAt: Instant
  readonly state: ApprovalState
  readonly votes: readonly Vote[]
}

/** Whether the request can still lead to an execution. */
export const isOpen = (request: Pick<ApprovalRequest, 'state'>): boolean =>
  request.state === 'pending' || request.state === 'granted'
