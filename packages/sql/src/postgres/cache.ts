/** A bounded map that forgets what was not used of late. */
export interface Cache<Value> {
  readonly get: (key: string) => Value | undefined
  readonly set: (key: string, value: Value) => void
}

/**
 * Makes a cache of at most `entriesMax` entries; it keeps at least half as many of those used last. With 0 it holds nothing.
 * In two generations: when the young one is full it becomes the old one, and the old one goes whole. Keeping the order of
 * single entries would cost more than most of them save.
 */
export function boundedCache<Value>(entriesMax: number): Cache<Value> {
  const generationMax = Math.max(1, Math.floor(entriesMax / 2))
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  const set = (key: string, value: Value): void => {
    if (entriesMax < 1) return
    young.set(key, value)
    if (young.size < generationMax) return
    old = young
    young = new Map()
  }
  return {
    get: key => {
      const value = young.get(key)
      if (value !== undefined) return value
      const before = old.get(key)
      if (before !== undefined) set(key, before)
      return before
    },
    set,
  }
}
