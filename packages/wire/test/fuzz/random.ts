/** A stream of numbers that a seed fixes. */
export interface Random {
  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number
  /** True once in so many times. */
  oneIn(times: number): boolean
  pick<T>(items: readonly T[]): T
}

/** xorshift128, seeded by splitmix32: fast, and any seed gives a full state. */
export function seededRandom(seed: number): Random {
  let mixed = seed >>> 0
  const mix = (): number => {
    mixed = (mixed + 0x9e37_79b9) >>> 0
    let z = mixed
    z = Math.imul(z ^ (z >>> 16), 0x85eb_ca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2_ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [mix(), mix(), mix(), mix() | 1]
  const next = (): number => {
    const t = a ^ (a << 11)
    a = b
    b = c
    c = d
    d = d ^ (d >>> 19) ^ t ^ (t >>> 8)
    return d >>> 0
  }
  const below = (bound: number): number => next() % bound
  return {
    below,
    oneIn: times => next() % times === 0,
    pick: items => {
      const item = items[below(items.length)]
      if (item === undefined) throw new RangeError('nothing to pick from')
      return item
    },
  }
}
