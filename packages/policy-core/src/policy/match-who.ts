import type { Identity } from '../principal.ts'
import { matchGlob } from './glob.ts'
import type { ActorCondition, ClaimCondition, IdentityCondition, Who } from './policy.ts'

/**
 * Whether a condition on people holds for an identity; none holds for everybody.
 * @param actor the agent that acts in the request, whichever of the two `identity` is; null where none does
 */
export const matchesWho = (who: Who, identity: Identity, actor: Identity | null): boolean =>
  matchesIdentity(who, identity) && matchesClaims(who.claims, identity) && matchesActor(who.actor, actor)

const matchesIdentity = ({ groups, subjects, issuers }: IdentityCondition, identity: Identity): boolean =>
  (groups === null || groups.some(group => identity.groups.includes(group))) &&
  (subjects === null || subjects.includes(identity.subject)) &&
  (issuers === null || issuers.includes(identity.issuer))

/** A claim that the token doesn't have has no value, and so none of those asked for. */
const matchesClaims = (conditions: readonly ClaimCondition[] | null, { claims = [] }: Identity): boolean =>
  conditions === null ||
  conditions.every(({ name, values }) =>
    claims.some(claim => claim.name === name && claim.values.some(value => values.includes(value))),
  )

function matchesActor(condition: ActorCondition | null, actor: Identity | null): boolean {
  switch (condition?.kind) {
    case undefined:
      return true
    case 'none':
      return actor === null
    case 'any':
      return actor !== null
    case 'like':
      return actor !== null && matchesIdentity(condition, actor)
  }
}

/** Whether a condition on targets holds for a target's name. */
export const matchesTarget = (targets: readonly string[] | null, name: string): boolean =>
  targets === null || targets.some(glob => matchGlob(glob, name))
