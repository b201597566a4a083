import { type Identity, type Instant, identityKey, type Question } from '@querywarden/policy-core'
import { ApprovalError } from './approval-error.ts'
import { type ApprovalRequest, type ApprovalState, isOpen } from './approval-request.ts'
import type { ApprovalStore } from './approval-store.ts'
import { requestDigest } from './request-digest.ts'
import { type ApprovalEvent, transition } from './transition.ts'

export interface MemoryStoreOptions {
  /** Wall time in milliseconds. */
  readonly now: () => Instant
  /** A fresh, unguessable id: at least 122 random bits, as in a UUID of version 4 or 7. */
  readonly newId: () => string
  /** Open requests, all askers together. */
  readonly requestsMax: number
  /** Open requests of one asker. */
  readonly requestsPerPrincipalMax: number
  /** Settled requests kept to be looked at, without their parameters; the oldest go first. */
  readonly settledMax: number
  /** Bytes of one question's texts and parameter values together. */
  readonly questionBytesMax: number
}

/**
 * Requests in this process's memory: for one gateway without replicas. What is pending when the process ends is gone,
 * and so can never run.
 *
 * @example
 * const store = memoryStore({
 *   now: Date.now, newId: randomUUID, requestsMax: 1000, requestsPerPrincipalMax: 10, settledMax: 1000,
 *   questionBytesMax: 1_048_576,
 * })
 */
export function memoryStore(options: MemoryStoreOptions): ApprovalStore {
  const shelf = new Shelf(options)
  return {
    create: async question => shelf.add(question),
    get: async id => shelf.peek(id),
    list: async states => shelf.list(states),
    answer: async (id, vote) => shelf.apply(id, { kind: 'answer', vote: { ...vote, at: options.now() } }),
    redeem: async (id, digest) => shelf.apply(id, { kind: 'redeem', digest }),
    withdraw: async id => shelf.end(id, { kind: 'withdraw' }),
    expire: async id => shelf.end(id, { kind: 'expire' }),
    waitForAnswer: (id, signal) => shelf.wait(id, signal),
  }
}

/** Each public method runs to its end without awaiting, which is what makes it atomic. */
class Shelf {
  readonly #options: MemoryStoreOptions
  readonly #requests = new Map<string, ApprovalRequest>()
  /** In the order in which they were settled. */
  readonly #settled = new Set<string>()
  readonly #waiting = new Map<string, Set<(request: ApprovalRequest) => void>>()

  constructor(options: MemoryStoreOptions) {
    this.#options = options
  }

  add(question: Question): ApprovalRequest {
    this.#checkSize(question)
    this.#expireOverdue()
    this.#checkRoomFor(question.principal)
    const id = this.#options.newId()
    if (this.#requests.has(id))
      throw new ApprovalError('ID_TAKEN', 'a new request got the id of another, expected a fresh one')
    const createdAt = this.#options.now()
    const expiresAt = Math.min(createdAt + question.terms.expiresMs, question.principal.expiresAt)
    // The people who answer must see what was asked, even if the asker's buffers change meanwhile.
    const kept = structuredClone(question)
    const digest = requestDigest(kept, { id, expiresAt })
    const request = { id, question: kept, digest, createdAt, expiresAt, state: 'pending', votes: [] } as const
    this.#requests.set(id, request)
    return request
  }

  peek(id: string): ApprovalRequest | null {
    const request = this.#requests.get(id)
    if (request === undefined) return null
    const isOverdue = isOpen(request) && this.#options.now() >= request.expiresAt
    return isOverdue ? this.#keep(transition(request, { kind: 'expire' })) : request
  }

  list(states: readonly ApprovalState[]): readonly ApprovalRequest[] {
    this.#expireOverdue()
    return [...this.#requests.values()].filter(request => states.includes(request.state))
  }

  apply(id: string, event: ApprovalEvent): ApprovalRequest {
    return this.#keep(transition(this.#require(id), event))
  }

  end(id: string, event: Extract<ApprovalEvent, { kind: 'expire' | 'withdraw' }>): ApprovalRequest {
    const request = this.#require(id)
    return isOpen(request) ? this.#keep(transition(request, event)) : request
  }

  wait(id: string, signal: AbortSignal): Promise<ApprovalRequest> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const request = this.#require(id)
      if (request.state !== 'pending') return resolve(request)
      const waiters = this.#waiting.get(id) ?? new Set()
      const stop = (): void => {
        waiters.delete(wake)
        if (waiters.size === 0) this.#waiting.delete(id)
        reject(signal.reason)
      }
      const wake = (settled: ApprovalRequest): void => {
        signal.removeEventListener('abort', stop)
        resolve(settled)
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.set(id, waiters.add(wake))
    })
  }

  #require(id: string): ApprovalRequest {
    const request = this.peek(id)
    if (request === null) throw new ApprovalError('NOT_FOUND', 'there is no request of this id')
    return request
  }

  #keep(changed: ApprovalRequest): ApprovalRequest {
    const request = isOpen(changed) ? changed : withoutParameters(changed)
    this.#requests.set(request.id, request)
    if (request.state !== 'pending') this.#wake(request)
    if (!isOpen(request)) this.#retire(request.id)
    return request
  }

  #wake(request: ApprovalRequest): void {
    const waiters = this.#waiting.get(request.id) ?? []
    this.#waiting.delete(request.id)
    for (const wake of waiters) wake(request)
  }

  #retire(id: string): void {
    this.#settled.add(id)
    for (const oldest of this.#settled) {
      if (this.#settled.size <= this.#options.settledMax) return
      this.#settled.delete(oldest)
      this.#requests.delete(oldest)
    }
  }

  #expireOverdue(): void {
    for (const id of [...this.#requests.keys()]) this.peek(id)
  }

  #checkSize({ statement, canonical }: Question): void {
    const values = statement.params.map(({ value }) => value ?? '')
    const bytes = [statement.text, canonical, ...values].reduce((sum, one) => sum + Buffer.byteLength(one), 0)
    const { questionBytesMax } = this.#options
    if (bytes > questionBytesMax)
      throw new ApprovalError(
        'TOO_LARGE',
        `a question of ${bytes} bytes exceeds the limit of ${questionBytesMax}; send a smaller statement`,
      )
  }

  #checkRoomFor(principal: Identity): void {
    const open = [...this.#requests.values()].filter(isOpen)
    const key = identityKey(principal)
    const own = open.filter(request => identityKey(request.question.principal) === key)
    const { requestsMax, requestsPerPrincipalMax } = this.#options
    if (open.length >= requestsMax) throw tooMany(`${requestsMax} requests are open, which is the limit`)
    if (own.length >= requestsPerPrincipalMax)
      throw tooMany(`${requestsPerPrincipalMax} requests of this asker are open, which is the limit`)
  }
}

/** Nobody decides on a settled request any more, and its values are somebody's data. Its digest still binds them. */
const withoutParameters = (request: ApprovalRequest): ApprovalRequest => ({
  ...request,
  question: { ...request.question, statement: { ...request.question.statement, params: [] } },
})

const tooMany = (what: string): ApprovalError =>
  new ApprovalError('TOO_MANY_REQUESTS', `${what}; wait for answers or withdraw some`)
