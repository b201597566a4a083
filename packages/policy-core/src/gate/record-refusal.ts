import type { Refusal } from '../decision.ts'
import type { Entry } from '../entry.ts'
import { effectsOf } from '../facts.ts'
import type { SessionRecorder } from '../hooks.ts'
import type { Parameter } from '../statement.ts'
import type { Judgement } from './judge.ts'
import { RECORDER_FAILED } from './session-refusals.ts'

/** Records that a statement was refused, and gives the refusal: another one, where that can't be recorded. */
export function recordRefusal(
  recorder: SessionRecorder,
  statement: number,
  judgement: Judgement,
  params: readonly Parameter[],
  refusal: Refusal,
): Promise<Refusal> {
  const { facts, text, decision } = judgement
  const canonical = facts.kind === 'understood' ? facts.canonical : ''
  const { reasons } = decision
  const entry = { statement, text, canonical, params, effects: effectsOf(facts), refusal, reasons }
  return taken(recorder, { kind: 'refused', ...entry })
}

/** The same of a statement that wasn't even judged. */
export function recordUnjudged(
  recorder: SessionRecorder,
  statement: number,
  text: string,
  params: readonly Parameter[],
  refusal: Refusal,
): Promise<Refusal> {
  const effects = ['unknown'] as const
  const entry = { statement, text, canonical: '', params, effects, refusal, reasons: [] }
  return taken(recorder, { kind: 'refused', ...entry })
}

async function taken(recorder: SessionRecorder, entry: Extract<Entry, { kind: 'refused' }>): Promise<Refusal> {
  try {
    await recorder.append(entry)
  } catch {
    return RECORDER_FAILED
  }
  return entry.refusal
}
