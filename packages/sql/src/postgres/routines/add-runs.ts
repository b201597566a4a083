import type { Effect, Prohibition, RelationName, Use } from '@querywarden/policy-core'
import { reactionsOn } from '../reactions/reactions-on.ts'
import type { Walked } from '../walk.ts'
import { merged } from './findings.ts'
import type { CodeReader } from './read-code.ts'
import type { Run } from './run.ts'
import type { CodeFollower, Outcome } from './spread.ts'

/** What a statement does by code of the database. */
export interface Ran {
  readonly uses: readonly Use[]
  readonly prohibitions: readonly Prohibition[]
}

/** A statement that sets off more than this isn't followed any further. */
const RUNS_MAX = 1_000

/** What the code does that a statement sets off: the functions that it calls, and what its relations do by themselves. */
export function addRuns(follower: CodeFollower, reader: CodeReader, walked: Walked): Ran {
  const runs = [...walked.runs, ...walked.uses.flatMap(use => reactionsOn(reader.catalog, use, walked.writes))]
  if (runs.length === 0) return { uses: [], prohibitions: [] }
  const uses: Use[] = []
  const prohibitions: Prohibition[] = []
  const seen = new Set<string>()
  for (const run of runs.slice(0, RUNS_MAX)) {
    const outcome = follower.follow(reader, run.code, run.isPlanned)
    uses.push(...ownUses(run, outcome))
    const key = JSON.stringify([run.via.kind, run.via.name, run.isPlanned])
    // One that is called twice does the same twice.
    if (seen.has(key) && run.code.kind === 'routine') continue
    seen.add(key)
    uses.push(...merged(outcome.uses).map(use => ({ ...use, via: run.via, place: run.place })))
    prohibitions.push(...outcome.prohibitions.map(each => ({ ...each, place: run.place })))
  }
  const [beyond] = runs.slice(RUNS_MAX)
  if (beyond !== undefined)
    uses.push({ kind: 'statement', effect: 'unknown', why: 'sets off more code than is followed', place: beyond.place })
  return { uses, prohibitions }
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
