import { FIELD_LIKE_FUNCTIONS, IMMUTABLE_FUNCTIONS } from '../generated/built-ins.ts'
import { HARMLESS_FUNCTIONS } from './harmless.ts'
import { type FunctionEffect, REVIEWED_FUNCTIONS } from './reviewed.ts'

/** What a function that isn't one of the database's own does. */
export interface BuiltInEffect extends FunctionEffect {
  /** Whether it is surely a function of the server. */
  readonly listed: boolean
}

const UNLISTED: BuiltInEffect = { effect: 'unknown', why: 'is not a listed built-in function', listed: false }

/** What a built-in function does; null where it only computes. An unlisted name is unknown, never harmless. */
export function builtInEffect(name: string): BuiltInEffect | null {
  const reviewed = REVIEWED_FUNCTIONS.get(name)
  if (reviewed !== undefined) return { ...reviewed, listed: true }
  return IMMUTABLE_FUNCTIONS.has(name) || HARMLESS_FUNCTIONS.has(name) ? null : UNLISTED
}

/**
 * What `(value).name` does where `name` is no field but a function of one argument, which the server calls just the
 * same: `('f'::text).pg_read_file`. Null where no such call could do anything.
 */
export const fieldLikeEffect = (name: string): FunctionEffect | null =>
  FIELD_LIKE_FUNCTIONS.has(name) ? builtInEffect(name) : null
