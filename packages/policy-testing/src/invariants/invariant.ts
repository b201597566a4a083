import type { Decision, Facts } from '@querywarden/policy-core'
import type { Situation } from './situations.ts'

/** How hard to look. */
export interface SearchRuns {
  /** How many statements to try; 1000 by default. */
  readonly numRuns?: number
  /** Repeats a search: the seed that a broken invariant names. */
  readonly seed?: number
}

/** What breaks an invariant. */
export interface Counterexample {
  readonly statement: string
  readonly situation: Situation
  readonly facts: Facts
  readonly decision: Decision
}

/** What came of looking for a counterexample. */
export type Finding =
  | { readonly kind: 'holds'; readonly tried: number }
  | { readonly kind: 'broken'; readonly report: string; readonly counterexample: Counterexample | null }
  /** Nothing that was tried was what the invariant is about. */
  | { readonly kind: 'untested'; readonly report: string }

/** A promise about a policy, with the way to look for what breaks it. */
export interface Invariant {
  /** The promise, as one would say it aloud. Good as the name of a test. */
  readonly name: string
  readonly search: (runs: SearchRuns) => Promise<Finding>
}

/**
 * An invariant that doesn't hold, or that nothing tested. The message is the counterexample: the statement, who asks, what
 * the policy answers and by which rules, and the seed to repeat it.
 */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
  readonly code: 'BROKEN' | 'UNTESTED'
  readonly counterexample: Counterexample | null

  constructor(code: InvariantError['code'], message: string, counterexample: Counterexample | null) {
    super(message)
    this.code = code
    this.counterexample = counterexample
  }
}

/**
 * Looks for a counterexample to an invariant, in any test runner.
 *
 * @throws {InvariantError} `BROKEN` with the smallest counterexample found; `UNTESTED` where no statement that was tried was
 * what the invariant is about, so that it says nothing.
 * @example
 * test('agents never write', () => check(neverAllows(engine, { as: { groups: ['ai-agents'] }, effects: ['write'] })))
 */
export async function check(invariant: Invariant, runs: SearchRuns = {}): Promise<void> {
  const finding = await invariant.search(runs)
  switch (finding.kind) {
    case 'holds':
      return
    case 'broken':
      throw new InvariantError('BROKEN', `${invariant.name}: broken\n${finding.report}`, finding.counterexample)
    case 'untested':
      throw new InvariantError('UNTESTED', `${invariant.name}: not tested\n${finding.report}`, null)
  }
}
