import type { CompiledPolicy, Decision, Policy } from '@querywarden/policy-core'
import { type Engine, judgeOf } from './engine.ts'
import type { Invariant } from './invariant.ts'
import { seek } from './search.ts'
import type { Asker } from './situations.ts'

/**
 * Another policy answers as this one does, with the same masks, limits and terms of approval, whatever its rules are called:
 * for rewriting a policy without changing what it means.
 *
 * @example
 * await check(equivalent(engine, readPolicyYaml(rewritten, { file: 'policy.yaml' })))
 */
export function equivalent(engine: Engine, other: Policy | CompiledPolicy, as: Asker = {}): Invariant {
  const judge = judgeOf(engine, other)
  return {
    name: 'both policies answer alike',
    search: runs =>
      seek(
        {
          engine,
          asker: as,
          selection: {},
          judges: [judge],
          concerns: ({ facts }) => facts.kind === 'understood',
          wrong: ({ facts, decision }, situation) => {
            const answer = judge.decide(facts, situation)
            if (answer.kind !== decision.kind) return `the other policy says ${answer.kind}`
            const differing = PARTS.find(part => partOf(answer, part) !== partOf(decision, part))
            return differing === undefined ? null : `the other policy has other ${differing}`
          },
        },
        runs,
      ),
  }
}

const PARTS = ['masks', 'detectors', 'limits', 'terms of approval'] as const

/** A part of a decision as a text that is equal where the part is. */
function partOf(decision: Decision, part: (typeof PARTS)[number]): string {
  if (decision.kind === 'deny') return ''
  const { masks, detect, limits } = decision.obligations
  switch (part) {
    case 'masks':
      return sorted(
        masks.flatMap(({ relation, columns }) =>
          columns.map(({ column, mask }) => [relation.schema, relation.name, column.name, mask]),
        ),
      )
    case 'detectors':
      return sorted(detect)
    case 'limits':
      return JSON.stringify(limits)
    case 'terms of approval': {
      if (decision.kind === 'allow') return ''
      const { approverGroups, quorum, expiresMs, mode } = decision.terms
      return JSON.stringify([sorted(approverGroups.map(list => [...list].sort())), quorum, expiresMs, mode])
    }
  }
}

const sorted = (values: readonly unknown[]): string => JSON.stringify(values.map(value => JSON.stringify(value)).sort())
