/** A stream of choices that a seed fixes. */
export interface Random {
  /** An integer from 0 to `bound - 1`. */
  readonly below: (bound: number) => number
  /** True once in so many times. */
  readonly oneIn: (times: number) => boolean
  readonly pick: <T>(items: readonly T[]) => T
}

/** mulberry32: fast, and good enough to choose by. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const below = (bound: number): number => {
    state = (state + 0x6d2b_79f5) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) % bound
  }
  return {
    below,
    oneIn: times => below(times) === 0,
    pick: items => {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
