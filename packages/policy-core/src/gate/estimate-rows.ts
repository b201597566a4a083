import type { Catalog } from '../catalog.ts'
import { decideBy } from '../decide.ts'
import type { Decision } from '../decision.ts'
import type { Facts, FunctionCall, Use } from '../facts.ts'
import type { Estimator } from '../hooks.ts'
import type { Surroundings } from '../policy/match-what.ts'
import type { Standing } from '../policy/standing.ts'
import type { Parameter } from '../statement.ts'
import type { Target } from '../target.ts'
import type { JudgeHooks } from './judge.ts'

const DECLARE = 'DECLARE CURSOR'
/** Gives no rows and changes none: what it makes ready is judged at each EXECUTE. */
const PREPARE = 'PREPARE'

type Understood = Extract<Facts, { kind: 'understood' }>

/** What is to be estimated, for whom, and what else is known. */
export interface Estimated {
  readonly estimate: Estimator
  readonly facts: Understood
  readonly text: string
  readonly params: readonly Parameter[]
  readonly catalog: Catalog
  readonly standing: Standing
  readonly surroundings: Surroundings
  readonly session: string
  readonly target: Target
  readonly signal: AbortSignal
}

/**
 * Asks how many rows a statement would give or change, where the answer to it depends on that and the planner may be
 * shown it: planning runs functions. Null where it isn't asked, or doesn't say. Never throws.
 */
export async function estimateRows(hooks: JudgeHooks, one: Estimated): Promise<number | null> {
  const { estimate, facts, catalog, session, target, signal } = one
  if (facts.catalogFingerprint !== catalog.fingerprint) return null
  const permitted = permittedAt(one.standing, facts, one.surroundings)
  if (permitted === null) return null
  if (facts.tag === PREPARE) return 0
  const { masks } = permitted.decision.obligations
  const statement = { dialect: target.dialect, text: one.text, params: one.params }
  try {
    const rewriting = await hooks.rewrite({ ...statement, params: [] }, facts, masks, hooks.mask.sql, catalog)
    if (rewriting.kind === 'impossible') return null
    const rows = await estimate({ ...statement, text: rewriting.text }, { session, target, signal })
    return rows !== null && rows >= 0 && rows < Infinity ? rows : null
  } catch {
    return null
  }
}

/** A number of rows that a statement might be estimated at and be let run, or null where there is none. */
export const permittingEdge = (standing: Standing, facts: Understood, surroundings: Surroundings): number | null =>
  permittedAt(standing, facts, surroundings)?.edge ?? null

/** What is denied however many rows it is about isn't shown to the server, and nor is what it could run while it plans. */
function permittedAt(
  standing: Standing,
  facts: Understood,
  surroundings: Surroundings,
): { readonly edge: number; readonly decision: Exclude<Decision, { kind: 'deny' }> } | null {
  for (const edge of edgesFor(standing, facts)) {
    const decision = decideBy(standing, facts, { ...surroundings, estimatedRows: edge })
    if (decision.kind !== 'deny') return { edge, decision }
  }
  return null
}

const edgesFor = ({ estimateEdges }: Standing, facts: Understood): readonly number[] => {
  if (facts.tag === PREPARE) return estimateEdges.length === 0 ? [] : [0]
  return isHarmlessToPlan(facts) ? estimateEdges : []
}

const PLANNED: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', DECLARE])
/**
 * The planner runs immutable functions to be rid of them, and stable ones to estimate by their results: the time and the
 * session that these would tell it are its own, and not those of the session that asks.
 */
const isComputing = ({ name, class: kind }: FunctionCall): boolean => kind === 'pure' && name.startsWith('pg_catalog.')

const isHarmlessToPlan = ({ tag, copy, uses, calls, prohibitions }: Understood): boolean =>
  PLANNED.has(tag) &&
  copy === null &&
  prohibitions.length === 0 &&
  uses.every(use => isOwnWork(use) || (tag === DECLARE && isDeclaring(use))) &&
  calls.every(isComputing)

/** EXPLAIN declares nothing, and plans the query of the cursor as if all of its rows were fetched. */
const isDeclaring = (use: Use): boolean => use.kind === 'statement' && use.effect === 'session' && use.via === undefined

const isOwnWork = (use: Use): boolean =>
  use.kind !== 'function' && use.via === undefined && (use.effect === 'read' || use.effect === 'write')
