import { isSameIdentity } from '@querywarden/policy-core'
import { ApprovalError } from './approval-error.ts'
import type { ApprovalRequest, ApprovalState, Vote } from './approval-request.ts'

/** What can happen to a request. */
export type ApprovalEvent =
  | { readonly kind: 'answer'; readonly vote: Vote }
  | { readonly kind: 'redeem'; readonly digest: string }
  | { readonly kind: 'expire' }
  | { readonly kind: 'withdraw' }

/** Every move there is. What is not in the table can't happen. */
export const TRANSITIONS: Readonly<Record<ApprovalState, readonly ApprovalState[]>> = {
  pending: ['pending', 'granted', 'denied', 'expired', 'withdrawn'],
  granted: ['redeemed', 'expired', 'withdrawn'],
  redeemed: [],
  denied: [],
  expired: [],
  withdrawn: [],
}

/** The request after the event, or an {@link ApprovalError} and no change. Pure: a store makes it atomic. */
export function transition(request: ApprovalRequest, event: ApprovalEvent): ApprovalRequest {
  switch (event.kind) {
    case 'answer':
      return answered(request, event.vote)
    case 'redeem':
      return redeemed(request, event.digest)
    case 'expire':
      return moved(request, 'expired')
    case 'withdraw':
      return moved(request, 'withdrawn')
  }
}

function answered(request: ApprovalRequest, vote: Vote): ApprovalRequest {
  if (request.state === 'expired') throw expired(request)
  if (request.state !== 'pending') {
    throw new ApprovalError(
      'NOT_PENDING',
      `request \`${request.id}\` is ${request.state}, only a pending one can be answered`,
    )
  }
  // A quorum counts people, so nobody is counted twice.
  if (request.votes.some(earlier => isSameIdentity(earlier.by, vote.by))) {
    throw new ApprovalError('ALREADY_ANSWERED', `request \`${request.id}\` has an answer of the same person already`)
  }
  const votes = [...request.votes, vote]
  const after = { ...request, votes }
  if (vote.answer === 'denied') return moved(after, 'denied')
  return votes.length >= Math.max(1, request.question.terms.quorum) ? moved(after, 'granted') : moved(after, 'pending')
}

function redeemed(request: ApprovalRequest, digest: string): ApprovalRequest {
  if (request.state === 'expired') throw expired(request)
  if (request.state !== 'granted') {
    throw new ApprovalError(
      'NOT_GRANTED',
      `request \`${request.id}\` is ${request.state}, only a granted one can be redeemed`,
    )
  }
  if (request.digest !== digest) {
    throw new ApprovalError(
      'DIGEST_DIFFERS',
      `request \`${request.id}\` was granted for something else than what would run`,
    )
  }
  return moved(request, 'redeemed')
}

function moved(request: ApprovalRequest, state: ApprovalState): ApprovalRequest {
  if (!TRANSITIONS[request.state].includes(state)) {
    throw new ApprovalError('NOT_PENDING', `request \`${request.id}\` is ${request.state} and can't become ${state}`)
  }
  return { ...request, state }
}

const expired = (request: ApprovalRequest): ApprovalError =>
  new ApprovalError('EXPIRED', `request \`${request.id}\` has expired; ask again`)
