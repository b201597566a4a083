import type { Clock, Principal, Question } from '@querywarden/policy-core'
import type { ApprovalStore } from '../src/approval-store.ts'
import { memoryStore } from '../src/memory-store.ts'

export const NOON: number = Date.UTC(2030, 0, 1, 12)

export const asker: Principal = {
  issuer: 'https://idp.example',
  subject: 'ann',
  groups: ['developers', 'dba'],
  actor: { issuer: 'https://idp.example', subject: 'coding-agent', groups: ['ai-agents', 'dba'] },
  expiresAt: NOON + 3_600_000,
  credentialDigest: 'c0ffee',
}

export const person = (subject: string, groups: readonly string[] = ['dba']): Principal => ({
  issuer: 'https://idp.example',
  subject,
  groups,
  actor: null,
  expiresAt: NOON + 3_600_000,
  credentialDigest: null,
})

export const aQuestion = (changes: Partial<Question> = {}): Question => {
  const terms = {
    rules: ['writes-need-a-person'],
    approverGroups: [['dba', 'leads']],
    quorum: 1,
    expiresMs: 600_000,
    mode: 'hold' as const,
  }
  return {
    session: 'session-1',
    principal: asker,
    target: { name: 'app', dialect: 'postgres' },
    statement: {
      dialect: 'postgres',
      text: 'update orders set status = $1 where id = any($2)',
      params: [
        { typeOid: 25, format: 'text', value: 'shipped' },
        { typeOid: 1007, format: 'binary', value: new Uint8Array([1, 2, 3]) },
        { typeOid: 0, format: 'text', value: null },
      ],
    },
    canonical: 'UPDATE orders SET status = $1 WHERE id = ANY ($2)',
    decision: {
      kind: 'approve',
      terms,
      obligations: { masks: [], detect: [], limits: { rowsMax: 10, bytesMax: null, timeMsMax: null } },
      reasons: [
        {
          use: 'update on public.orders',
          answer: 'approve',
          rules: ['writes-need-a-person'],
          place: { start: 7, end: 13 },
        },
      ],
    },
    terms,
    policyVersion: 'policy-1',
    catalogFingerprint: 'catalog-1',
    searchPath: ['public'],
    ...changes,
  }
}

/** A question whose terms differ from the usual ones. */
export const aQuestionWithTerms = (changes: Partial<Question['terms']>): Question => {
  const { terms, decision } = aQuestion()
  const changed = { ...terms, ...changes }
  return aQuestion({ terms: changed, decision: { ...decision, terms: changed } })
}

/** Time that stands still until it is told otherwise, and sleepers that wake when their time has come. */
export class HandClock implements Clock {
  #wall = NOON
  #steady = 0
  #sleepers: { readonly at: number; readonly wake: () => void }[] = []

  readonly now = (): number => this.#wall
  readonly monotonic = (): number => this.#steady
  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      this.#sleepers.push({ at: this.#steady + ms, wake: resolve })
    })

  advance(ms: number): void {
    this.setWall(this.#wall + ms)
    this.#steady += ms
    const due = this.#sleepers.filter(sleeper => sleeper.at <= this.#steady)
    this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > this.#steady)
    for (const sleeper of due) sleeper.wake()
  }

  /** Sets the wall clock, as an administrator or NTP would. */
  setWall(instant: number): void {
    this.#wall = instant
  }
}

export const aStore = (clock: HandClock, changes: Partial<Parameters<typeof memoryStore>[0]> = {}): ApprovalStore => {
  let ids = 0
  return memoryStore({
    now: clock.now,
    newId: () => `request-${++ids}`,
    requestsMax: 100,
    requestsPerPrincipalMax: 100,
    settledMax: 100,
    questionBytesMax: 1_048_576,
    ...changes,
  })
}
