import {
  type Catalog,
  type Classifier,
  type CompiledPolicy,
  compilePolicy,
  type Decision,
  type DecisionRequest,
  decide,
  type Facts,
  type Policy,
  type Rewriter,
  type Target,
} from '@querywarden/policy-core'
import type { Situation } from './situations.ts'

/** What an invariant is about: a policy, and all that it takes to decide by it. */
export interface Engine {
  readonly policy: Policy | CompiledPolicy
  readonly catalog: Catalog
  readonly classify: Classifier
  /** Puts masks into statements. Without it what a masked statement becomes is taken on trust. */
  readonly rewrite?: Rewriter
  /** The name of the target that statements are sent to. */
  readonly target: string
  /** What decides, where it isn't `decide` of policy-core. */
  readonly decide?: (policy: CompiledPolicy, request: DecisionRequest) => Decision
}

/** A statement in a situation, judged. */
export interface Judged {
  readonly facts: Facts
  readonly decision: Decision
}

/** Judges statements by one policy. */
export interface Judge {
  readonly policy: CompiledPolicy
  readonly classify: (text: string) => Promise<Facts>
  readonly decide: (facts: Facts, situation: Situation) => Decision
}

/** Makes the judge of an engine, or of the same engine under another policy. */
export function judgeOf(engine: Engine, given: Policy | CompiledPolicy = engine.policy): Judge {
  const policy = 'for' in given ? given : compilePolicy(given, { version: 'under test' })
  const rule = engine.decide ?? decide
  return {
    policy,
    classify: async text => engine.classify({ dialect: 'postgres', text, params: [] }, engine.catalog),
    decide: (facts, { principal, now, surroundings }) =>
      rule(policy, {
        principal,
        target: targetOf(engine),
        facts,
        ...(now === null ? {} : { now }),
        ...(surroundings === null ? {} : { surroundings }),
      }),
  }
}

export const targetOf = ({ target }: Engine): Target => ({ name: target, dialect: 'postgres' })
