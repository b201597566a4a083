import type { Claim, Identity, Instant, Principal, Surroundings, Who } from '@querywarden/policy-core'
import fc from 'fast-check'
import { asItself } from '../arbitraries/principals.ts'
import { sometimes } from '../arbitraries/statements/plan.ts'
import { moments } from './moments.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Who asks. What isn't given is anything that the policy knows, and something that it doesn't. */
export interface Asker {
  readonly issuer?: string
  readonly subject?: string
  /** Exactly these groups. */
  readonly groups?: readonly string[]
  readonly claims?: readonly Claim[]
  /** The agent that acts for them; null for none. */
  readonly actor?: Identity | null
}

/** Who asks when, and what surrounds it. Null where no rule looks at it. */
export interface Situation {
  readonly principal: Principal
  readonly now: Instant | null
  readonly surroundings: Partial<Surroundings> | null
}

/** Situations that the rules of a policy tell apart. */
export const situations = (vocabulary: Vocabulary, asker: Asker): fc.Arbitrary<Situation> =>
  fc.record({
    principal: askers(vocabulary, asker),
    now: moments(vocabulary.rules),
    surroundings: surroundingsFor(vocabulary),
  })

/** Principals who are as given, drawn from the names that the policy knows. */
export function askers(vocabulary: Vocabulary, asker: Asker): fc.Arbitrary<Principal> {
  const known = vocabulary.whos.map(who => like(who, vocabulary))
  const identity = fc.oneof({ withCrossShrink: true }, anybody(vocabulary), ...known)
  const actor =
    asker.actor !== undefined
      ? fc.constant(asker.actor)
      : vocabulary.mentionsActors
        ? sometimes(fc.oneof(anybody(vocabulary), ...known, ...actorsLike(vocabulary)), 2)
        : fc.constant(null)
  return fc.record({ identity, actor }).map(({ identity, actor }) => ({
    ...asItself({
      issuer: asker.issuer ?? identity.issuer,
      subject: asker.subject ?? identity.subject,
      groups: asker.groups ?? identity.groups,
      claims: asker.claims ?? identity.claims ?? [],
    }),
    actor,
  }))
}

const anybody = (vocabulary: Vocabulary): fc.Arbitrary<Identity> =>
  fc.record({
    issuer: fc.constantFrom(...vocabulary.issuers),
    subject: fc.constantFrom(...vocabulary.subjects),
    groups: fc.subarray([...vocabulary.groups]),
    claims: claimsFrom(vocabulary),
  })

const claimsFrom = ({ claims }: Vocabulary): fc.Arbitrary<Claim[]> =>
  fc
    .subarray(claims.map(({ name, values }) => ({ name, values: values.slice(0, 1) })))
    .map(chosen => chosen.filter(({ name }, at) => chosen.findIndex(other => other.name === name) === at))

/** Somebody whom a condition is about. */
const like = (who: Pick<Who, 'groups' | 'subjects' | 'issuers' | 'claims'>, vocabulary: Vocabulary) =>
  fc.record({
    issuer: fc.constantFrom(...(who.issuers ?? vocabulary.issuers)),
    subject: fc.constantFrom(...(who.subjects ?? vocabulary.subjects)),
    groups: who.groups === null ? fc.subarray([...vocabulary.groups]) : fc.subarray([...who.groups], { minLength: 1 }),
    claims: fc.constant((who.claims ?? []).map(({ name, values }) => ({ name, values: values.slice(0, 1) }))),
  })

const actorsLike = (vocabulary: Vocabulary): readonly fc.Arbitrary<Identity>[] =>
  vocabulary.whos.flatMap(({ actor }) => (actor?.kind === 'like' ? [like({ ...actor, claims: null }, vocabulary)] : []))

/** What surrounds a statement, where a rule looks at it. */
function surroundingsFor({ rules }: Vocabulary): fc.Arbitrary<Partial<Surroundings> | null> {
  const whats = rules.map(({ what }) => what)
  const estimates = whats.flatMap(({ estimatedRows }) =>
    estimatedRows === null ? [] : [estimatedRows.over ?? 0, estimatedRows.atMost ?? 0],
  )
  const looksAround = whats.some(
    ({ inTransaction, multiStatement }) => inTransaction !== null || multiStatement !== null,
  )
  if (!looksAround && estimates.length === 0) return fc.constant(null)
  return fc.record({
    inTransaction: fc.boolean(),
    multiStatement: fc.boolean(),
    estimatedRows: fc.constantFrom(0, ...estimates.flatMap(rows => [rows, rows + 1])),
  })
}
