import type { Decision, Judgement, NearMiss, Refusal } from '@querywarden/policy-core'
import type { Report } from '../postgres/error-response.ts'

export type Outcome = Decision['kind']

/** What would become of one statement. Nothing of it was run. */
export interface RehearsedStatement {
  /** The statement by itself, comments blanked. */
  readonly text: string
  /** What it was judged by: itself, or what its EXECUTE or FETCH runs. */
  readonly judged: string
  /** Null where it names what isn't there, so that nothing would run. */
  readonly judgement: Judgement | null
  readonly outcome: Outcome
  /** Why it is denied, or null. */
  readonly refusal: Refusal | null
  /** For each thing that no rule allows, the rules that came nearest to it. Looks at every rule, so only who asks pays. */
  readonly nearest: () => readonly NearMiss[]
}

/** What would become of a text, or of several sent one after the other. */
export interface Rehearsal {
  /** The strictest of its statements' outcomes; deny where the text is refused for its form. */
  readonly outcome: Outcome
  /** Why the whole is denied, or null. */
  readonly refusal: Refusal | null
  /** A text that can't be split is one statement that can't be understood. */
  readonly statements: readonly RehearsedStatement[]
  /** How many statements there are; none in a text that can't be split. */
  readonly count: number
}

const STRICTNESS: Readonly<Record<Outcome, number>> = { allow: 0, approve: 1, deny: 2 }

/** Whether one outcome lets more through than another. */
export const isLooser = (a: Outcome, b: Outcome): boolean => STRICTNESS[a] < STRICTNESS[b]

/** Whether an outcome is at least as strict as another. */
export const isAtLeast = (outcome: Outcome, bar: Outcome): boolean => !isLooser(outcome, bar)

/** The strictest outcome of all; nothing at all is allowed, since nothing is done. */
export const strictest = (outcomes: readonly Outcome[]): Outcome =>
  outcomes.reduce<Outcome>((all, one) => (isLooser(all, one) ? one : all), 'allow')

/** What the gateway refuses for its form, in the form of what the policy refuses. */
export const refusalOf = (report: Report, code: Refusal['code'] = 'UNSUPPORTED'): Refusal => ({
  code,
  rule: null,
  message: report.message,
  hint: report.hint ?? '',
  place: null,
  request: null,
})

/** The server would say so itself; that is no answer of the policy's, and surely no allow. */
export const namesNothing = (kind: string): Refusal => ({
  code: 'NOT_UNDERSTOOD',
  rule: null,
  message: `statement refused: what it would ${kind} is not known in this session`,
  hint: 'give the texts that come before it in the session, with the PREPARE or DECLARE that it needs',
  place: null,
  request: null,
})
