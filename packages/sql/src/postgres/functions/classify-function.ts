import type { Effect, FunctionClass } from '@querywarden/policy-core'
import { FIELD_LIKE_FUNCTIONS, IMMUTABLE_FUNCTIONS } from '../generated/built-ins.ts'
import { REVIEWED_FUNCTIONS, type ReviewedFunction } from './reviewed.ts'

/** What a function does that isn't only computing. */
export interface FunctionEffect {
  readonly effect: Effect
  readonly why: string
}

/** What a function that isn't one of the database's own does. */
export interface BuiltInEffect extends FunctionEffect {
  /** Whether it is surely a function of the server. */
  readonly listed: boolean
}

/** What a call of a function of each class counts as; null where it does nothing that a policy need rule on. */
export const EFFECT_OF_CLASS: Readonly<Record<FunctionClass, Effect | null>> = {
  pure: null,
  'reads-context': null,
  'reads-state': 'read',
  'reads-rows': 'unknown',
  settings: 'session',
  transaction: 'transaction',
  write: 'write',
  locks: 'session',
  external: 'external',
  notifies: 'external',
  'runs-sql': 'unknown',
  'controls-server': 'maintenance',
  ddl: 'ddl',
  unknown: 'unknown',
}

const IMMUTABLE: ReviewedFunction = { class: 'pure', why: 'computes from its arguments alone' }
const UNLISTED: ReviewedFunction = { class: 'unknown', why: 'is not a listed built-in function' }

/** How a built-in function is classed. An unlisted name is unknown, never pure. */
export const builtInClass = (name: string): ReviewedFunction =>
  REVIEWED_FUNCTIONS.get(name) ?? (IMMUTABLE_FUNCTIONS.has(name) ? IMMUTABLE : UNLISTED)

/** What a built-in function does; null where it only computes or shows what anybody may see. */
export function builtInEffect(name: string): BuiltInEffect | null {
  const reviewed = builtInClass(name)
  const effect = EFFECT_OF_CLASS[reviewed.class]
  return effect === null ? null : { effect, why: reviewed.why, listed: reviewed !== UNLISTED }
}

/**
 * What `(value).name` does where `name` is no field but a function of one argument, which the server calls just the
 * same: `('f'::text).pg_read_file`. Null where no such call could do anything.
 */
export const fieldLikeEffect = (name: string): FunctionEffect | null =>
  FIELD_LIKE_FUNCTIONS.has(name) ? builtInEffect(name) : null
