/** What can be chosen from: one at least. */
export type Choices<T> = readonly [T, ...T[]]

/** Choices that are the same in every run. */
export interface Seeded {
  /** From 0 up to and without `below`. */
  readonly below: (below: number) => number
  readonly pick: <T>(from: Choices<T>) => T
  readonly of: (alphabet: string, length: number) => string
  readonly digits: (length: number) => string
}

/** Mulberry32, by Tommy Ettinger: a generator of 32 bits of state, in the public domain. */
export function seeded(seed: number): Seeded {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (limit: number): number => next() % limit
  const of = (alphabet: string, length: number): string =>
    Array.from({ length }, () => alphabet.charAt(below(alphabet.length))).join('')
  return { below, of, pick: from => from[below(from.length)] ?? from[0], digits: length => of('0123456789', length) }
}

export const LOWER = 'abcdefghijklmnopqrstuvwxyz'
export const UPPER: string = LOWER.toUpperCase()
export const DIGITS = '0123456789'
export const ALPHANUMERIC: string = LOWER + UPPER + DIGITS
export const HEX: string = `${DIGITS}abcdef`
export const BASE64: string = `${ALPHANUMERIC}+/`
export const BASE64URL: string = `${ALPHANUMERIC}-_`
