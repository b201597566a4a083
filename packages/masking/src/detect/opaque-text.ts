import type { Fit } from './mask-found.ts'

/** Signs that mean nothing in the text form of a composite, a range, an hstore and the like. */
const INERT = /^[A-Za-z0-9*@._[\]-]*$/

/** Lets through only what can't break the text form of a type that isn't known, and so the client that reads it. */
export const fitOpaque: Fit = replacement => (INERT.test(replacement) ? replacement : null)
