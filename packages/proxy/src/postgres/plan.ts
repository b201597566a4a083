import type { Cleared } from '@querywarden/policy-core'
import type { Report } from './error-response.ts'
import type { Expected } from './expected.ts'

/** A batch that may go: what to write upstream, and what the server will owe for it. */
export interface Plan {
  readonly messages: readonly Uint8Array[]
  readonly expected: readonly Expected[]
}

/** A batch that may not go: why, and which of its statements had been cleared already. */
export interface BatchRefusal {
  readonly report: Report
  readonly cleared: readonly Cleared[]
}

export type Planned =
  | { readonly kind: 'plan'; readonly plan: Plan }
  | { readonly kind: 'refused'; readonly refusal: BatchRefusal }
