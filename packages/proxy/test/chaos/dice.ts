/** Numbers that look random and are the same for the same seed (mulberry32). */
export interface Dice {
  /** A whole number from 0 up to, but not with, `below`. */
  readonly roll: (below: number) => number
  readonly pick: <T>(from: readonly T[]) => T
}

export function dice(seed: number): Dice {
  let state = seed >>> 0
  const roll = (below: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
  return {
    roll,
    pick: from => {
      const one = from[roll(from.length)]
      if (one === undefined) throw new Error('there is nothing to pick from')
      return one
    },
  }
}
