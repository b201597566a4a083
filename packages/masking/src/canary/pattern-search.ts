/** Bytes that are looked for, under a name. */
export interface Pattern {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The name of a pattern that stands in `bytes[start, end)`, or null. */
export type Search = (bytes: Uint8Array, start: number, end: number) => string | null

const PAIRS = 65_536
const SHIFT_MAX = 255

/**
 * Searches for many patterns at once (Wu and Manber, A Fast Algorithm for Multi-Pattern Searching, 1994, with blocks of two
 * bytes): most pairs of bytes are in none of the patterns, so it mostly goes on by nearly the shortest one's length.
 * Patterns have two bytes at least.
 *
 * @example
 * patternSearch([{ name: 'a', bytes: Buffer.from('needle') }])(Buffer.from('a needle'), 0, 8) // 'a'
 */
export function patternSearch(patterns: readonly Pattern[]): Search {
  const window = Math.min(SHIFT_MAX + 1, ...patterns.map(({ bytes }) => bytes.length))
  const shifts = new Uint8Array(PAIRS).fill(window - 1)
  const byPair = new Map<number, Pattern[]>()
  for (const pattern of patterns) {
    for (let at = 1; at < window; at++) {
      const pair = pairAt(pattern.bytes, at)
      shifts[pair] = Math.min(shifts[pair] ?? 0, window - 1 - at)
    }
    const last = pairAt(pattern.bytes, window - 1)
    byPair.set(last, [...(byPair.get(last) ?? []), pattern])
  }
  return (bytes, start, end) => {
    let at = start + window - 1
    while (at < end) {
      const pair = pairAt(bytes, at)
      const shift = shifts[pair] ?? 0
      if (shift > 0) {
        at += shift
        continue
      }
      const from = at - window + 1
      const found = byPair.get(pair)?.find(pattern => stands(pattern.bytes, bytes, from, end))
      if (found !== undefined) return found.name
      at += 1
    }
    return null
  }
}

const pairAt = (bytes: Uint8Array, at: number): number => ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0)

function stands(pattern: Uint8Array, bytes: Uint8Array, from: number, end: number): boolean {
  if (from + pattern.length > end) return false
  for (let i = 0; i < pattern.length; i++) if (pattern[i] !== bytes[from + i]) return false
  return true
}
