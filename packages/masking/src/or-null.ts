/**
 * Makes a function of values total. What a runtime can't do with a value (a text longer than its longest string, an
 * expression that runs out of stack) is no reason to show it, nor to fail in a way that says how long it was.
 */
export const orNull =
  <A, B>(compute: (value: A) => B | null): ((value: A) => B | null) =>
  value => {
    try {
      return compute(value)
    } catch {
      return null
    }
  }
