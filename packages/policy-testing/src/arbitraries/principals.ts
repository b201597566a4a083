import type { Identity, Principal, Target } from '@querywarden/policy-core'
import fc from 'fast-check'
import { WORLD } from './names.ts'

/** Somebody known to an issuer. */
export const identities = (): fc.Arbitrary<Identity> =>
  fc.record({
    issuer: fc.constantFrom(...WORLD.issuers),
    subject: fc.constantFrom(...WORLD.subjects),
    groups: fc.subarray([...WORLD.groups]),
    claims: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...WORLD.claims),
        values: fc.subarray([...WORLD.claimValues], { minLength: 1 }),
      }),
      { maxLength: 2, selector: ({ name }) => name },
    ),
  })

/** Somebody who asks, often through an agent. */
export const principals = (): fc.Arbitrary<Principal> =>
  fc
    .tuple(identities(), fc.option(identities()))
    .map(([identity, actor]) => ({ ...identity, actor, expiresAt: 4_102_444_800_000, credentialDigest: null }))

/** The same person asking by nobody else's hand. */
export const asItself = (identity: Identity): Principal => ({
  issuer: identity.issuer,
  subject: identity.subject,
  groups: identity.groups,
  ...(identity.claims === undefined ? {} : { claims: identity.claims }),
  actor: null,
  expiresAt: 4_102_444_800_000,
  credentialDigest: null,
})

/** A database behind the gateway. */
export const targets = (): fc.Arbitrary<Target> =>
  fc.record({ name: fc.constantFrom(...WORLD.targets), dialect: fc.constant('postgres' as const) })
