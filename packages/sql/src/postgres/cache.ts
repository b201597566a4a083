/** A bounded map that forgets what was not used of late. */
export interface Cache<Value> {
  readonly get: (key: string) => Value | undefined
  /** `weight`: how much of `weightMax` it takes. */
  readonly set: (key: string, value: Value, weight?: number) => void
}

/**
 * Makes a cache of at most `entriesMax` entries; it keeps at least half as many of those used last. With 0 it holds nothing.
 * In two generations: when the young one is full it becomes the old one, and the old one goes whole. Keeping the order of
 * single entries would cost more than most of them save. A generation is full, too, when it weighs half of `weightMax`
 * or more: what is held weighs at most that and the two heaviest entries.
 */
export function boundedCache<Value>(entriesMax: number, weightMax: number = Number.POSITIVE_INFINITY): Cache<Value> {
  const generationMax = Math.max(1, Math.floor(entriesMax / 2))
  let young = new Map<string, Weighed<Value>>()
  let old = new Map<string, Weighed<Value>>()
  let youngWeight = 0
  const keep = (key: string, entry: Weighed<Value>): void => {
    if (entriesMax < 1) return
    youngWeight += entry.weight - (young.get(key)?.weight ?? 0)
    young.set(key, entry)
    if (young.size < generationMax && youngWeight < weightMax / 2) return
    old = young
    young = new Map()
    youngWeight = 0
  }
  return {
    get: key => {
      const entry = young.get(key)
      if (entry !== undefined) return entry.value
      const before = old.get(key)
      if (before !== undefined) keep(key, before)
      return before?.value
    },
    set: (key, value, weight = 0) => keep(key, { value, weight }),
  }
}

interface Weighed<Value> {
  readonly value: Value
  readonly weight: number
}
