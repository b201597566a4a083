import { type CompiledPolicy, decide, decideBy } from '../decide.ts'
import type { Decision } from '../decision.ts'
import { type Effect, effectsOf, type Facts, type Use } from '../facts.ts'
import type { Surroundings } from '../policy/match-what.ts'
import type { Standing } from '../policy/standing.ts'
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

/** Who asks, and where. */
export interface Asker {
  readonly principal: Principal
  readonly target: Target
}

/** A policy, what it holds for the asker at some time, and the surroundings as far as that asks for them. */
export interface RuledBy {
  readonly policy: CompiledPolicy
  readonly standing: Standing
  readonly surroundings: Surroundings
}

/**
 * Rulings of one policy for one asker in one set of surroundings. A classifier gives the same uses, as the same objects,
 * for statements that differ only in values; they are ruled on once.
 */
export class Rulings {
  readonly #by: RuledBy
  readonly #asker: Asker
  readonly #known = new WeakMap<readonly Use[], { readonly facts: UnderstoodFacts; readonly ruling: Ruling }>()

  constructor(by: RuledBy, asker: Asker) {
    this.#by = by
    this.#asker = asker
  }

  /** Whom they are for. */
  get asker(): object {
    return this.#asker
  }

  get policy(): CompiledPolicy {
    return this.#by.policy
  }

  /** The columns of a relation that the policy hides from the asker. */
  get maskedColumns(): Standing['maskedColumns'] {
    return this.#by.standing.maskedColumns
  }

  on(facts: Facts): Ruling {
    if (facts.kind === 'opaque') return this.#fresh(facts)
    const known = this.#known.get(facts.uses)
    if (known !== undefined && isAlike(known.facts, facts, this.#by.standing.asksForColumns)) return known.ruling
    const ruling = this.#fresh(facts)
    this.#known.set(facts.uses, { facts, ruling })
    return ruling
  }

  #fresh(facts: Facts): Ruling {
    const { principal, target } = this.#asker
    const { policy, standing, surroundings } = this.#by
    const uses = facts.kind === 'understood' ? facts.uses : []
    return {
      decision:
        facts.kind === 'opaque'
          ? decide(policy, { principal, target, facts })
          : decideBy(standing, facts, surroundings),
      effects: effectsOf(facts),
      relations: uses.flatMap(use => (use.kind === 'relation' ? [`${use.relation.schema}.${use.relation.name}`] : [])),
      functions: uses.flatMap(use => (use.kind === 'function' ? [use.function] : [])),
    }
  }
}

/** All that `decide` looks at, but the uses themselves. The places of columns move with literals, so they are seldom the same. */
const isAlike = (a: UnderstoodFacts, b: UnderstoodFacts, asksForColumns: boolean): boolean =>
  a.mentions === b.mentions &&
  (!asksForColumns || (a.columns === b.columns && a.outputs === b.outputs)) &&
  a.prohibitions === b.prohibitions &&
  a.tag === b.tag &&
  a.copy === b.copy &&
  a.searchPath === b.searchPath &&
  a.catalogFingerprint === b.catalogFingerprint
