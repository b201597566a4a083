import type { Effect, FunctionCall, Prohibition, RelationName, Use } from '@querywarden/policy-core'
import { reactionsOn } from '../reactions/reactions-on.ts'
import type { Walked } from '../walk.ts'
import { type CalledRoutine, classedCalls } from './classed-calls.ts'
import { merged } from './findings.ts'
import type { CodeReader } from './read-code.ts'
import type { Run } from './run.ts'
import type { CodeFollower, Outcome } from './spread.ts'

/** What a statement does by code of the database. */
export interface Ran {
  readonly uses: readonly Use[]
  readonly prohibitions: readonly Prohibition[]
  /** The calls in the text, with the class of those that are of functions of the database. */
  readonly calls: readonly FunctionCall[]
}

/** A statement that sets off more than this isn't followed any further, nor one behind which there is more code. */
const RUNS_MAX = 1_000
const CODES_MAX = 4_000

/** What the code does that a statement sets off: the functions that it calls, and what its relations do by themselves. */
export function addRuns(follower: CodeFollower, reader: CodeReader, walked: Walked): Ran {
  const runs = [...walked.runs, ...walked.uses.flatMap(use => reactionsOn(reader.catalog, use, walked.writes))]
  const { calls } = walked
  if (runs.length === 0) return { uses: [], prohibitions: [], calls }
  const uses: Use[] = []
  const prohibitions: Prohibition[] = []
  const seen = new Map<object, Set<string>>()
  const called: CalledRoutine[] = []
  let codes = 0
  let followed = 0
  for (const run of runs) {
    if (followed === RUNS_MAX || codes > CODES_MAX) break
    followed += 1
    const outcome = follower.follow(reader, run.code, run.isPlanned)
    codes += outcome.size
    uses.push(...ownUses(run, outcome))
    if (run.code.kind === 'routine') {
      const { routine } = run.code
      if (run.via.kind === 'function') called.push({ name: nameOf(routine), outcome, start: run.place.start })
      // One that is called twice does the same twice.
      const key = JSON.stringify([run.via.kind, run.via.name, run.isPlanned])
      const ways = seen.get(routine) ?? new Set()
      seen.set(routine, ways)
      if (ways.has(key)) continue
      ways.add(key)
    }
    uses.push(...merged(outcome.uses).map(use => ({ ...use, via: run.via, place: run.place })))
    prohibitions.push(...outcome.prohibitions.map(each => ({ ...each, place: run.place })))
  }
  const beyond = runs[followed]
  if (beyond !== undefined)
    uses.push({ kind: 'statement', effect: 'unknown', why: 'sets off more code than is followed', place: beyond.place })
  return { uses, prohibitions, calls: classedCalls(calls, called) }
}

/**
 * The use that stands for the code itself: a call of a function; of anything else only what isn't known of it. A trigger
 * that is followed does what its other uses say, and is no act of whoever wrote the row.
 */
function ownUses({ code, via, place }: Run, outcome: Outcome): readonly Use[] {
  const { unknown } = outcome
  if (code.kind === 'routine') {
    const effect = effectOf(outcome)
    if (effect === null) return []
    const by = via.kind === 'function' ? {} : { via }
    const why = unknown ?? (effect === 'read' ? 'runs code that reads' : 'runs code that does more than read')
    return [{ kind: 'function', effect, function: nameOf(code.routine), why, ...by, place }]
  }
  if (unknown === null) return []
  if (code.kind === 'reaction' && code.reaction.kind === 'trigger')
    return [{ kind: 'function', effect: 'unknown', function: nameOf(code.reaction.routine), why: unknown, via, place }]
  return [{ kind: 'statement', effect: 'unknown', why: `${via.kind} \`${via.name}\` ${unknown}`, via, place }]
}

const nameOf = ({ schema, name }: RelationName): string => `${schema}.${name}`

/** Null where it only computes. */
function effectOf({ uses, unknown }: Outcome): Effect | null {
  if (unknown !== null) return 'unknown'
  if (uses.length === 0) return null
  return uses.every(use => use.effect === 'read') ? 'read' : 'procedural'
}
