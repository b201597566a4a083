import type { Cleared, Judged, Parameter, Verdict } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'
import type { Expected } from './expected.ts'
import { isLimited } from './statement-limits.ts'

/** Decides and records one statement; waits for a person if it must. */
export type Admit = (text: string, parameters: readonly Parameter[]) => Promise<Verdict>

/** Judges a text as it would be judged if it ran next. */
export type Judge = (text: string) => Promise<Judged>

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
