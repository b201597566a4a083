import type { Facts, Use } from '@querywarden/policy-core'

const useText = (use: Use): string => {
  switch (use.kind) {
    case 'relation':
      return `${use.effect} ${use.access} ${use.relation.schema}.${use.relation.name}${use.unbounded ? ' unbounded' : ''}`
    case 'function':
      return `${use.effect} call ${use.function}`
    case 'statement':
      return use.effect
  }
}

/** What a statement does, one line a use, each once and in order. Opaque facts are their code. */
export const usesOf = (facts: Facts): readonly string[] =>
  facts.kind === 'opaque' ? [facts.code] : [...new Set(facts.uses.map(useText))].sort()
