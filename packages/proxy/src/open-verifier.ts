import { firstOf, oidcVerifier, staticTokens } from '@querywarden/identity'
import type { Clock, Verifier } from '@querywarden/policy-core'
import type { IdentityConfig } from './config/config.ts'
import { readSecret } from './config/secrets.ts'

/** Every configured way to prove who one is, behind one function. */
export function openVerifier(identities: readonly IdentityConfig[], env: NodeJS.ProcessEnv, clock: Clock): Verifier {
  return firstOf(identities.map(identity => verifierOf(identity, env, clock)))
}
