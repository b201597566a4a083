import type { Answer, Approver, Clock, Question } from '@querywarden/policy-core'
import { ApprovalError } from './approval-error.ts'
import type { ApprovalRequest } from './approval-request.ts'
import type { ApprovalStore } from './approval-store.ts'
import { requestDigest } from './request-digest.ts'

export interface HoldOptions {
  readonly store: ApprovalStore
  readonly clock: Clock
  /** Resolves after so many milliseconds on a clock that can't be set back; rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /**
   * The question as it stands at the moment of execution: policy version, catalog fingerprint, search path, decision
   * and the bytes that would be sent, all read again. One difference from what was granted and nothing runs.
   */
  readonly recompute: (question: Question) => Promise<Question>
}

// setTimeout takes no more than a signed 32-bit number of milliseconds.
const SLEEP_MS_MAX = 2 ** 31 - 1

/**
 * An approver that keeps the statement waiting until people have answered, its time is over, or the asker has left.
 * A granted answer has been redeemed: it is this statement's, once.
 *
 * Rejects when the store does, or with {@link ApprovalError}: `TOO_MANY_REQUESTS`, `TOO_LARGE`,
 * `DIGEST_DIFFERS`, `ASKER_LEFT` (before anybody was asked), `NOT_GRANTED` (redeemed by somebody else). A rejection is never a grant.
 *
 * @example
 * const approve = holdForApproval({ store, clock, sleep, recompute: async question => question })
 */
export function holdForApproval(options: HoldOptions): Approver {
  return async (question, signal, onPending) => {
    if (signal.aborted) throw new ApprovalError('ASKER_LEFT', 'the asker left before anybody was asked')
    const request = await options.store.create(question)
    try {
      if (signal.aborted) return await withdrawn(options.store, request)
      onPending({ request: request.id, expiresAt: request.expiresAt })
      const settled = await settle(options, request, signal)
      if (settled.state !== 'granted') return refusalOf(settled)
      const now = await options.recompute(question)
      if (signal.aborted) return await withdrawn(options.store, request)
      const answer = await redeem(options.store, now, settled)
      // Whoever leaves while the redemption is under way has used the approval up, and still runs nothing.
      return signal.aborted ? await withdrawn(options.store, request) : answer
    } catch (error) {
      // The first error is the one to tell; a request that can't be withdrawn now expires by itself.
      await options.store.withdraw(request.id).catch(() => undefined)
      throw error
    }
  }
}

/** Waits for the first of: an answer, the deadline, the asker leaving. */
async function settle(options: HoldOptions, request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalRequest> {
  const { store } = options
  const over = new AbortController()
  const either = AbortSignal.any([over.signal, signal])
  try {
    const waits = [store.waitForAnswer(request.id, either), deadline(options, request, either)]
    return await Promise.race(waits)
  } catch (error) {
    if (signal.aborted) return await store.withdraw(request.id)
    throw error
  } finally {
    over.abort()
  }
}

async function deadline(options: HoldOptions, request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalRequest> {
  const start = options.clock.monotonic()
  const waitMs = Math.max(0, request.expiresAt - options.clock.now())
  for (;;) {
    const left = start + waitMs - options.clock.monotonic()
    if (left <= 0) return options.store.expire(request.id)
    await options.sleep(Math.min(left, SLEEP_MS_MAX), signal)
  }
}

async function redeem(store: ApprovalStore, now: Question, request: ApprovalRequest): Promise<Answer> {
  const digest = requestDigest(now, { id: request.id, expiresAt: request.expiresAt })
  try {
    const redeemed = await store.redeem(request.id, digest)
    if (redeemed.state !== 'redeemed') throw notUsable(redeemed)
    return {
      kind: 'granted',
      request: request.id,
      by: redeemed.votes.map(vote => vote.by),
      reason: reasonsOf(redeemed),
    }
  } catch (error) {
    if (error instanceof ApprovalError && error.code === 'EXPIRED') return { kind: 'expired', request: request.id }
    throw error
  }
}

async function withdrawn(store: ApprovalStore, request: ApprovalRequest): Promise<Answer> {
  await store.withdraw(request.id)
  return { kind: 'withdrawn', request: request.id }
}

function refusalOf(request: ApprovalRequest): Answer {
  switch (request.state) {
    case 'denied': {
      const votes = request.votes.filter(vote => vote.answer === 'denied')
      return { kind: 'denied', request: request.id, by: votes.map(vote => vote.by), reason: reasonsOf({ votes }) }
    }
    case 'expired':
    case 'withdrawn':
      return { kind: request.state, request: request.id }
    // Redeemed: by somebody else, for only this call redeems. Its grant is not ours to use.
    case 'redeemed':
    case 'pending':
    case 'granted':
      throw notUsable(request)
  }
}

const reasonsOf = ({ votes }: Pick<ApprovalRequest, 'votes'>): string =>
  votes.flatMap(vote => (vote.reason === '' ? [] : [vote.reason])).join('; ')

const notUsable = ({ id, state }: ApprovalRequest): ApprovalError =>
  new ApprovalError('NOT_GRANTED', `request \`${id}\` is ${state}, expected it granted and unused`)
