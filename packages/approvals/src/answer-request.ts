import { type Identity, isSameIdentity, type Principal, type Question } from '@querywarden/policy-core'
import { ApprovalError } from './approval-error.ts'
import type { ApprovalRequest } from './approval-request.ts'
import type { ApprovalStore } from './approval-store.ts'

/** Characters that a reason may have at most. */
export const REASON_CHARS_MAX = 2000

export interface ApproverAnswer {
  /** The request's id. */
  readonly request: string
  /** Who answers, freshly authenticated by the caller. */
  readonly approver: Principal
  readonly answer: 'granted' | 'denied'
  /** May be empty. It is recorded and shown to the asker. */
  readonly reason: string
}

/**
 * Takes one person's answer to a request. The person is not the asker and not the agent that acts for the asker, is no
 * agent, and is in one group of every list in the request's terms.
 *
 * Throws {@link ApprovalError}: `NOT_FOUND`, `SELF_APPROVAL`, `NOT_A_PERSON`, `NOT_AN_APPROVER`, `REASON_INVALID`,
 * `NOT_PENDING`, `ALREADY_ANSWERED`, `EXPIRED`.
 *
 * @example
 * await answerRequest(store, { request: id, approver, answer: 'granted', reason: 'ticket OPS-7' })
 */
export async function answerRequest(store: ApprovalStore, given: ApproverAnswer): Promise<ApprovalRequest> {
  const { approver, answer } = given
  const reason = readReason(given.reason)
  const request = await store.get(given.request)
  if (request === null) throw new ApprovalError('NOT_FOUND', 'there is no request of this id')
  checkMayAnswer(request.question, approver)
  const by: Identity = { issuer: approver.issuer, subject: approver.subject, groups: approver.groups }
  return store.answer(given.request, { answer, by, reason })
}

function checkMayAnswer({ principal, terms }: Question, approver: Principal): void {
  if (isSameIdentity(approver, principal)) {
    throw new ApprovalError('SELF_APPROVAL', 'the asker answered, expected somebody else')
  }
  if (principal.actor !== null && isSameIdentity(approver, principal.actor)) {
    throw new ApprovalError('SELF_APPROVAL', 'the agent that acts for the asker answered, expected somebody else')
  }
  // A person's token in an agent's hands must not answer what another agent of the same maker asks.
  if (approver.actor !== null) {
    throw new ApprovalError('NOT_A_PERSON', 'an agent answered for a person, expected the person')
  }
  const isInOneOf = (groups: readonly string[]): boolean => groups.some(group => approver.groups.includes(group))
  // Terms without any list would let everybody answer: nobody may.
  if (terms.approverGroups.length === 0 || !terms.approverGroups.every(isInOneOf)) {
    throw new ApprovalError('NOT_AN_APPROVER', 'the approver is in none of the groups that the rules ask for')
  }
}

function readReason(reason: string): string {
  if (reason.length > REASON_CHARS_MAX) {
    throw new ApprovalError(
      'REASON_INVALID',
      `a reason of ${reason.length} characters exceeds the limit of ${REASON_CHARS_MAX}`,
    )
  }
  // Reasons end up in recordings, notices and terminals.
  if (/[\p{Cc}\p{Surrogate}\p{Bidi_Control}]/u.test(reason)) {
    throw new ApprovalError('REASON_INVALID', 'a reason holds control characters, expected plain text on one line')
  }
  return reason
}
