import type { Decision, Refusal } from '../decision.ts'
import type { Approver, SessionRecorder } from '../hooks.ts'
import type { Principal } from '../principal.ts'
import type { Parameter } from '../statement.ts'
import type { Target } from '../target.ts'
import type { Circumstances } from './circumstances.ts'
import type { Judgement } from './judge.ts'
import { INSIDE_TRANSACTION, RECORDER_FAILED } from './session-refusals.ts'
import { type Settlement, settle } from './settle.ts'

/** A statement that a person is asked about, with all that it was judged by. */
export interface Asked {
  readonly number: number
  readonly judgement: Extract<Judgement, { kind: 'permitted' }>
  readonly decision: Extract<Decision, { kind: 'approve' }>
  readonly params: readonly Parameter[]
  readonly circumstances: Circumstances
  readonly estimatedRows: number | null
}

/** What came of it. */
export type Settled =
  | { readonly kind: 'granted'; readonly request: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** The session that asks. */
export interface AskingSession {
  readonly id: string
  readonly principal: Principal
  readonly target: Target
  readonly approve: Approver
  readonly recorder: SessionRecorder
  /** Why what was approved is no longer what would run; null where it is. */
  readonly whyChanged: () => Promise<Refusal | null>
}

/** Asks a person about a statement, records that and the answer, and looks whether it still is what was asked about. */
export async function askPerson(session: AskingSession, asked: Asked): Promise<Settled> {
  const { number, judgement, decision, params, circumstances } = asked
  const { facts, catalog, policyVersion } = judgement
  if (circumstances.inTransaction === true) return { kind: 'refused', refusal: INSIDE_TRANSACTION }

  let noted: Promise<void> = Promise.resolve()
  const settlement = await settle(
    session.approve,
    {
      session: session.id,
      principal: session.principal,
      target: session.target,
      statement: { dialect: session.target.dialect, text: judgement.text, params },
      canonical: facts.canonical,
      decision,
      terms: decision.terms,
      policyVersion,
      catalogFingerprint: catalog.fingerprint,
      searchPath: catalog.searchPath,
    },
    circumstances.signal ?? new AbortController().signal,
    pending => {
      noted = session.recorder.append({
        kind: 'approval-requested',
        statement: number,
        request: pending.request,
        terms: decision.terms,
        canonical: facts.canonical,
      })
      // Awaited below; until then a failure must not count as unhandled.
      noted.catch(() => undefined)
      circumstances.onPending?.(pending)
    },
  )
  return recordAnswer(session, number, settlement, noted)
}

async function recordAnswer(
  { recorder, whyChanged }: AskingSession,
  statement: number,
  settlement: Settlement,
  noted: Promise<void>,
): Promise<Settled> {
  try {
    await noted
    if (settlement.answer !== null) {
      const { answer } = settlement
      const people = answer.kind === 'granted' || answer.kind === 'denied' ? answer : { by: [], reason: '' }
      await recorder.append({
        kind: 'approval-answered',
        statement,
        request: answer.request,
        answer: answer.kind,
        by: people.by,
        reason: people.reason,
      })
    }
  } catch {
    return { kind: 'refused', refusal: RECORDER_FAILED }
  }
  if (settlement.kind === 'refused') return settlement
  const changed = await whyChanged()
  return changed === null ? { kind: 'granted', request: settlement.request } : { kind: 'refused', refusal: changed }
}

/** Whether a statement that was approved is judged now as it was when a person was asked. */
export const isAsAsked = (then: Asked['judgement'], now: Judgement | { readonly kind: 'unavailable' }): boolean =>
  now.kind === 'permitted' &&
  now.catalog.fingerprint === then.catalog.fingerprint &&
  now.policyVersion === then.policyVersion &&
  isSameAsk(now.decision, then.decision)

/** Other approvers than those who were asked must not find it approved. What needs no approval any more needs none. */
const isSameAsk = (now: Decision, then: Decision): boolean =>
  now.kind === 'allow' ||
  (now.kind === 'approve' && then.kind === 'approve' && JSON.stringify(now.terms) === JSON.stringify(then.terms))
