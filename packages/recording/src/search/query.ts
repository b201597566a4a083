import type { RecordedIdentity } from '../format/file-header.ts'
import { identityMatcher, matcher } from './pattern.ts'
import type { FoundStatement, StatementFacts } from './statement-facts.ts'

/** What somebody looks for. Null: anything. In patterns `*` stands for anything, and case doesn't matter. */
export interface RecordingQuery {
  /** A subject, or `subject@issuer`: who asked, or the agent that acted. */
  readonly who: string | null
  readonly target: string | null
  /** `schema.name`, or a name in any schema. */
  readonly relation: string | null
  readonly effect: string | null
  /** An outcome, the code of a refusal, or an SQLSTATE. */
  readonly outcome: string | null
  /** Who granted what ran. */
  readonly approvedBy: string | null
  /** A part of the statement's text without its literals; with values, of all of it and of its parameters. */
  readonly text: string | null
  /** Milliseconds since 1970, of the statement. Of sessions where nothing is asked about statements. */
  readonly since: number | null
  readonly until: number | null
}

export const ANY_RECORDING: RecordingQuery = {
  who: null,
  target: null,
  relation: null,
  effect: null,
  outcome: null,
  approvedBy: null,
  text: null,
  since: null,
  until: null,
}

/** Whose recording it is: what stands in its header, and needs no key. */
export interface SessionFacts {
  readonly session: string
  readonly requester: RecordedIdentity
  readonly actor: RecordedIdentity | null
  readonly target: string
  /** Milliseconds since 1970. */
  readonly openedAt: number
}

/** Whether it asks for what only reading the recordings can tell. */
export const asksForContents = (query: RecordingQuery): boolean =>
  [query.relation, query.effect, query.outcome, query.approvedBy, query.text].some(asked => asked !== null)

export const sessionMatcher = ({ who, target, since, until }: RecordingQuery, of: 'session' | 'statements') => {
  const [matchesWho, matchesTarget] = [
    who === null ? null : identityMatcher(who),
    target === null ? null : matcher(target),
  ]
  return (facts: SessionFacts): boolean =>
    (matchesWho === null || matchesWho(facts.requester) || (facts.actor !== null && matchesWho(facts.actor))) &&
    (matchesTarget === null || matchesTarget(facts.target)) &&
    // A session has nothing from before it was opened; what it has from later on its opening doesn't tell.
    (until === null || facts.openedAt < until) &&
    (of === 'statements' || since === null || facts.openedAt >= since)
}

/** Whether one statement is all that was asked for. */
export function statementMatcher(query: RecordingQuery): (found: FoundStatement) => boolean {
  const checks: ((facts: StatementFacts, words: readonly string[]) => boolean)[] = []
  const { relation, effect, outcome, approvedBy, text, since, until } = query
  if (since !== null) checks.push(({ at }) => at >= since)
  if (until !== null) checks.push(({ at }) => at < until)
  if (effect !== null) {
    const matches = matcher(effect)
    checks.push(({ effects }) => effects.some(matches))
  }
  if (relation !== null) {
    const matches = matcher(relation)
    checks.push(({ relations }) =>
      relations.some(name => matches(name) || matches(name.slice(name.lastIndexOf('.') + 1))),
    )
  }
  if (outcome !== null) {
    const matches = matcher(outcome)
    checks.push(facts => matches(facts.outcome) || (facts.code !== null && matches(facts.code)))
  }
  if (approvedBy !== null) {
    const matches = identityMatcher(approvedBy)
    checks.push(facts => facts.approvedBy.some(matches))
  }
  if (text !== null) {
    const wanted = text.toLowerCase()
    checks.push(({ sql }, words) => [sql, ...words].some(one => one.toLowerCase().includes(wanted)))
  }
  return ({ facts, words }) => checks.every(check => check(facts, words))
}
