import { masking } from '@querywarden/masking'
import {
  type Catalog,
  compilePolicy,
  type Decision,
  decide,
  type Effect,
  effectsOf,
  explain,
  type Facts,
  type Policy,
  type Principal,
  type Statement,
  type Target,
} from '@querywarden/policy-core'
import { DEFAULT_LIMITS, MAJORS, postgresClassifier, postgresRewriter } from '@querywarden/sql/postgres'

/** Who would send a statement where, and what decides on it. */
export interface ExplainedCase {
  readonly policy: Policy
  readonly version: string
  readonly catalog: Catalog
  readonly target: Target
  readonly principal: Principal
}

/** What would become of one statement. */
export interface ExplainedStatement {
  readonly statement: string
  /** The decision's kind, or `deny` where its masks can't be put into this statement. */
  readonly outcome: Decision['kind']
  readonly effects: readonly Effect[]
  readonly decision: Decision
  /** Why the masks can't be put into it, or null. */
  readonly cannotMask: { readonly why: string; readonly hint: string } | null
  /** All of it in plain lines. */
  readonly explanation: string
}

/** Gives the function that explains a text, statement by statement, by the same steps that the gateway takes. */
export async function explainer(given: ExplainedCase): Promise<(text: string) => readonly ExplainedStatement[]> {
  const sql = await postgresClassifier({ majors: MAJORS, cacheEntriesMax: 1, limits: DEFAULT_LIMITS })
  const rewrite = postgresRewriter({ grammar: sql.grammar, limits: DEFAULT_LIMITS })
  const compiled = compilePolicy(given.policy, { version: given.version })
  const { catalog, target, principal } = given

  const cannotMask = (statement: Statement, facts: Facts, decision: Decision): ExplainedStatement['cannotMask'] => {
    if (decision.kind === 'deny' || facts.kind === 'opaque') return null
    const rewriting = rewrite(statement, facts, decision.obligations.masks, PLACEHOLDER_MASKS.sql, catalog)
    return rewriting.kind === 'impossible' ? { why: rewriting.why, hint: rewriting.hint } : null
  }
  const explainOne = (text: string): ExplainedStatement => {
    const statement: Statement = { dialect: target.dialect, text, params: [] }
    const facts = sql.classify(statement, catalog)
    const decision = decide(compiled, { principal, target, facts })
    const obstacle = cannotMask(statement, facts, decision)
    const lines = explain(decision, facts)
    return {
      statement: text,
      outcome: obstacle === null ? decision.kind : 'deny',
      effects: effectsOf(facts),
      decision,
      cannotMask: obstacle,
      explanation:
        obstacle === null
          ? lines
          : `deny (CANNOT_MASK)\n  ${obstacle.why}\n  next: ${obstacle.hint}\nwithout its masks it would be: ${lines}`,
    }
  }
  return text => {
    const pieces = sql.split(text, catalog.major)
    // A text that can't be split is one statement that can't be understood.
    return pieces.kind === 'split' ? pieces.statements.map(piece => explainOne(piece.text)) : [explainOne(text)]
  }
}

/** The rewritten text is thrown away, so no real key is needed to see whether there is one. */
const PLACEHOLDER_MASKS = masking({ hashKey: () => new Uint8Array(32) })
