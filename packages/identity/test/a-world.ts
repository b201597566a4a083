import { setTimeout } from 'node:timers/promises'
import type { World } from '../src/world.ts'

/** The real network with a clock that moves by hand, and no jitter. */
export interface HandWorld {
  readonly world: World
  advance(ms: number): void
  /** Every address that was fetched. */
  readonly fetched: string[]
}

export function handWorld(): HandWorld {
  let ms = 1_000_000
  const fetched: string[] = []
  return {
    fetched,
    advance: by => {
      ms += by
    },
    world: {
      fetch: (input, init) => {
        fetched.push(String(input))
        return fetch(input, init)
      },
      clock: { monotonic: () => ms },
      random: () => 1 - Number.EPSILON,
      sleep: (duration, signal) => setTimeout(duration, undefined, { signal }),
    },
  }
}
