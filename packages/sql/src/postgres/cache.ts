/** A bounded map that forgets what was used longest ago. */
export interface Cache<Value> {
  readonly get: (key: string) => Value | undefined
  readonly set: (key: string, value: Value) => void
}

/** Makes a cache of at most `entriesMax` entries. With 0 it holds nothing. */
export function boundedCache<Value>(entriesMax: number): Cache<Value> {
  const entries = new Map<string, Value>()
  return {
    get: key => {
      const value = entries.get(key)
      if (value === undefined) return undefined
      // A Map iterates in order of insertion: what was just used goes to the end.
      entries.delete(key)
      entries.set(key, value)
      return value
    },
    set: (key, value) => {
      entries.delete(key)
      entries.set(key, value)
      if (entries.size <= entriesMax) return
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    },
  }
}
