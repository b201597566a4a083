import type { Clock } from '@querywarden/policy-core'

/** What a verifier needs of the world, handed in. */
export interface World {
  readonly fetch: typeof globalThis.fetch
  readonly clock: Pick<Clock, 'monotonic'>
  /** Resolves after this many milliseconds, or rejects when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** A number from 0 up to 1, to spread the refreshes of many replicas. */
  readonly random: () => number
}
