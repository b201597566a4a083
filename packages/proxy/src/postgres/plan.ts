import type { Cleared, Judged, Parameter, Verdict } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'
import type { Expected } from './expected.ts'
import { isLimited } from './statement-limits.ts'

/** Decides and records one statement; waits for a person if it must. */
export type Admit = (
  text: string,
  parameters: readonly Parameter[],
  /** The server will make other values of the parameters than these. */
  parametersInDoubt?: boolean,
) => Promise<Verdict>

/** Judges a text as it would be judged if it ran next, or as one that runs already and goes on. */
export type Judge = (text: string, run?: Cleared) => Promise<Judged>

/** A message to write upstream, and what the server will owe for it. */
export interface Step {
  readonly message: Uint8Array
  readonly expected: Expected
}

/** A batch that may go. */
export interface Plan {
  readonly steps: readonly Step[]
  /** A COPY FROM STDIN would swallow a Sync, so a batch with one ends by a Flush, whatever the client sent. */
  readonly end: 'sync' | 'flush'
}

/** A batch that may not go: why, and which of its statements had been cleared already. */
export interface BatchRefusal {
  readonly report: Report
  readonly cleared: readonly Cleared[]
}

export type Planned =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly refusal: BatchRefusal }

/**
 * Cuts a batch behind each statement that has a limit, unless it is the last. The server would have run what follows
 * by the time that the limit is seen to be reached; so it gets the next part when the one before has ended well.
 */
export function segmentsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  let executions = 0
  for (const { expected } of steps) if (expected.kind === 'execute') executions += 1
  if (executions < 2) return [steps]
  const segments: Step[][] = [[]]
  let left = executions
  for (const step of steps) {
    segments.at(-1)?.push(step)
    if (step.expected.kind !== 'execute') continue
    left -= 1
    if (left > 0 && isLimited(step.expected.running)) segments.push([])
  }
  return segments
}

/** What becomes of a plan that the client cancelled before any of it was sent. */
export function cancelled({ steps }: Plan): Planned {
  const cleared: Cleared[] = []
  for (const { expected } of steps) {
    const portal =
      expected.kind === 'bind' ? expected.portal : expected.kind === 'execute' ? expected.running.portal : null
    if (portal === null || portal.run.cleared === null) continue
    cleared.push(portal.run.cleared)
    portal.run.cleared = null
  }
  const report = { sqlstate: '57014', message: 'canceled before it was sent to the database' }
  return { kind: 'refused', refusal: { report, cleared } }
}
