import type { Cleared } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'
import type { Expected, Running } from './expected.ts'
import { isLimited } from './statement-limits.ts'

/** A message to write upstream, and what the server will owe for it. */
export interface Step {
  readonly message: Uint8Array
  readonly expected: Expected
}

/** A batch that may go. */
export interface Plan {
  readonly steps: readonly Step[]
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

/** The statements that steps would run. */
export const runningOf = (steps: readonly Step[]): Running[] =>
  steps.flatMap(({ expected }) => (expected.kind === 'execute' ? [expected.running] : []))

/**
 * Cuts a batch behind each statement that has a limit, unless it is the last. The server would have run what follows
 * by the time that the limit is seen to be reached; so it gets the next part when the one before has ended well.
 */
export function segmentsOf(steps: readonly Step[]): readonly (readonly Step[])[] {
  const segments: Step[][] = [[]]
  let left = runningOf(steps).length
  for (const step of steps) {
    segments.at(-1)?.push(step)
    if (step.expected.kind !== 'execute') continue
    left -= 1
    if (left > 0 && isLimited(step.expected.running)) segments.push([])
  }
  return segments
}
