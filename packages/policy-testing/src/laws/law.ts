/** A promise that every implementation of something must keep, with a check that throws where it is broken. */
export interface Law {
  /** The promise, as one would say it aloud. Good as the name of a test. */
  readonly name: string
  readonly check: () => Promise<void>
}

/** How often a law is tried. */
export interface Runs {
  readonly runs: number
}

/** Fails a check, naming what went wrong. */
export function expectThat(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise)
}

/** Whether two values are equal as JSON. For data without functions, dates or undefined. */
export const isEqualData = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)
