import { type CompiledPolicy, decide } from '../decide.ts'
import type { Decision } from '../decision.ts'
import { type Effect, effectsOf, type Facts, type Use } from '../facts.ts'
import type { Principal } from '../principal.ts'
import type { Target } from '../target.ts'

type UnderstoodFacts = Extract<Facts, { kind: 'understood' }>

/** What the policy makes of facts, and what a recording says of them. */
export interface Ruling {
  readonly decision: Decision
  readonly effects: readonly Effect[]
  readonly relations: readonly string[]
  readonly functions: readonly string[]
}

/**
 * Rulings of one policy for one asker. A classifier gives the same uses, as the same objects, for statements that differ
 * only in values; they are ruled on once.
 */
export class Rulings {
  readonly #policy: CompiledPolicy
  readonly #asker: { readonly principal: Principal; readonly target: Target }
  readonly #known = new WeakMap<readonly Use[], { readonly facts: UnderstoodFacts; readonly ruling: Ruling }>()

  constructor(policy: CompiledPolicy, asker: { readonly principal: Principal; readonly target: Target }) {
    this.#policy = policy
    this.#asker = asker
  }

  /** Whom they are for. */
  get asker(): object {
    return this.#asker
  }

  get policy(): CompiledPolicy {
    return this.#policy
  }

  on(facts: Facts): Ruling {
    if (facts.kind === 'opaque') return this.#fresh(facts)
    const known = this.#known.get(facts.uses)
    if (known !== undefined && isAlike(known.facts, facts)) return known.ruling
    const ruling = this.#fresh(facts)
    this.#known.set(facts.uses, { facts, ruling })
    return ruling
  }

  #fresh(facts: Facts): Ruling {
    const { principal, target } = this.#asker
    const uses = facts.kind === 'understood' ? facts.uses : []
    return {
      decision: decide(this.#policy, { principal, target, facts }),
      effects: effectsOf(facts),
      relations: uses.flatMap(use => (use.kind === 'relation' ? [`${use.relation.schema}.${use.relation.name}`] : [])),
      functions: uses.flatMap(use => (use.kind === 'function' ? [use.function] : [])),
    }
  }
}

/** All that `decide` looks at, but the uses themselves. */
const isAlike = (a: UnderstoodFacts, b: UnderstoodFacts): boolean =>
  a.mentions === b.mentions &&
  a.prohibitions === b.prohibitions &&
  a.tag === b.tag &&
  a.copy === b.copy &&
  a.searchPath === b.searchPath &&
  a.catalogFingerprint === b.catalogFingerprint
