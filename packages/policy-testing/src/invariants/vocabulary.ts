import type { ClaimCondition, IdentityCondition, Policy, Rule, Who } from '@querywarden/policy-core'

/** The names that policies know, with one more of each that they don't. */
export interface Vocabulary {
  readonly issuers: readonly string[]
  readonly subjects: readonly string[]
  readonly groups: readonly string[]
  readonly claims: readonly ClaimCondition[]
  /** Whom rules, masks and limits are about. */
  readonly whos: readonly Who[]
  readonly mentionsActors: boolean
  readonly rules: readonly Rule[]
}

const STRANGER = { issuer: 'https://issuer.example.com', subject: 'somebody' }

/** Collects what some policies speak of, so that generated situations meet their rules. */
export function vocabularyOf(policies: readonly Policy[]): Vocabulary {
  const whos = policies.flatMap(({ rules, masks, limits }) => [
    ...rules.map(({ who }) => who),
    ...masks.flatMap(({ who, unless }) => [who, unless].filter(one => one !== null)),
    ...limits.map(({ who }) => who),
  ])
  const actors = whos.flatMap(({ actor }) => (actor?.kind === 'like' ? [actor] : []))
  const conditions: readonly IdentityCondition[] = [...whos, ...actors]
  return {
    issuers: unique([STRANGER.issuer, ...conditions.flatMap(({ issuers }) => issuers ?? [])]),
    subjects: unique([STRANGER.subject, ...conditions.flatMap(({ subjects }) => subjects ?? [])]),
    groups: unique(conditions.flatMap(({ groups }) => groups ?? [])),
    claims: whos.flatMap(({ claims }) => claims ?? []),
    whos,
    mentionsActors: whos.some(({ actor }) => actor !== null),
    rules: policies.flatMap(({ rules }) => rules),
  }
}

const unique = <T>(values: readonly T[]): readonly T[] => [...new Set(values)]
