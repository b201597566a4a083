import { type Effect, FUNCTION_CLASSES, type FunctionCall, type FunctionClass } from '@querywarden/policy-core'
import type { Outcome } from './spread.ts'

/** A routine of the database that a call may be of. */
export interface CalledRoutine {
  readonly name: string
  readonly outcome: Outcome
  /** Where the call begins. */
  readonly start: number
}

/** The class of code by the gravest thing that it does; the later ones are graver. */
const CLASS_OF_EFFECT: readonly (readonly [Effect, FunctionClass])[] = [
  ['session', 'settings'],
  ['transaction', 'transaction'],
  ['write', 'write'],
  ['external', 'external'],
  ['maintenance', 'controls-server'],
  ['ddl', 'ddl'],
  ['dcl', 'ddl'],
]

function classOf({ uses, unknown }: Outcome): FunctionClass {
  if (unknown !== null) return 'unknown'
  const effects = new Set(uses.map(use => use.effect))
  const [, gravest] = CLASS_OF_EFFECT.findLast(([effect]) => effects.has(effect)) ?? []
  if (gravest !== undefined) return gravest
  if (uses.length === 0) return 'pure'
  return uses.some(use => use.kind === 'relation') ? 'reads-rows' : 'reads-state'
}

/** Calls with the classes of what they may be of. Of several overloads the one that does most counts. */
export function classedCalls(
  calls: readonly FunctionCall[],
  called: readonly CalledRoutine[],
): readonly FunctionCall[] {
  return calls.map(call => {
    const may = call.class === 'unknown' ? called.filter(({ start }) => start === call.place.start) : []
    const [first] = may
    if (first === undefined) return call
    const classes = may.map(({ outcome }) => classOf(outcome))
    const gravest = FUNCTION_CLASSES.findLast(each => classes.includes(each)) ?? 'unknown'
    return { name: first.name, class: gravest, place: call.place }
  })
}
