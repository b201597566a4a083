import type { Catalog } from '../catalog.ts'
import { decideBy } from '../decide.ts'
import type { Facts, FunctionClass, Use } from '../facts.ts'
import type { Estimator } from '../hooks.ts'
import type { Surroundings } from '../policy/match-what.ts'
import type { Standing } from '../policy/standing.ts'
import type { Parameter } from '../statement.ts'
import type { Target } from '../target.ts'
import type { JudgeHooks } from './judge.ts'

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
  if (!isHarmlessToPlan(facts) || facts.catalogFingerprint !== catalog.fingerprint) return null
  const decisions = one.standing.estimateEdges.map(edge =>
    decideBy(one.standing, facts, { ...one.surroundings, estimatedRows: edge }),
  )
  // What is denied however many rows it is about isn't shown to the server either.
  const permitted = decisions.find(decision => decision.kind !== 'deny')
  if (permitted === undefined) return null
  const { masks } = permitted.obligations
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

const PLANNED: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])
/** The planner runs stable functions to estimate by their results, and immutable ones to be rid of them. */
const COMPUTING: ReadonlySet<FunctionClass> = new Set(['pure', 'reads-state'])

const isHarmlessToPlan = ({ tag, copy, uses, calls, prohibitions }: Understood): boolean =>
  PLANNED.has(tag) &&
  copy === null &&
  prohibitions.length === 0 &&
  uses.every(isOwnWork) &&
  calls.every(call => COMPUTING.has(call.class))

const isOwnWork = (use: Use): boolean =>
  use.kind !== 'function' && use.via === undefined && (use.effect === 'read' || use.effect === 'write')
