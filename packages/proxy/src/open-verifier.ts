import { setTimeout as sleep } from 'node:timers/promises'
import {
  firstOf,
  IdentityError,
  type IssuerVerifier,
  oidcVerifier,
  STATIC_ISSUER,
  staticTokens,
  type World,
} from '@querywarden/identity'
import type { Clock, Verifier } from '@querywarden/policy-core'
import type { IdentityConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readSecret } from './config/secrets.ts'
import { isThisHost } from './loopback.ts'

/**
 * Every configured way to prove who one is, behind one function.
 * @throws {ConfigError}
 */
export function openVerifier(identities: readonly IdentityConfig[], env: NodeJS.ProcessEnv, clock: Clock): Verifier {
  const world: World = {
    fetch,
    clock,
    random: Math.random,
    sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
  }
  try {
    return firstOf(identities.map(identity => verifierOf(identity, env, world)))
  } catch (error) {
    if (error instanceof IdentityError) throw new ConfigError('INVALID', `identity: ${error.message}`)
    throw error
  }
}

function verifierOf(identity: IdentityConfig, env: NodeJS.ProcessEnv, world: World): IssuerVerifier {
  switch (identity.kind) {
    case 'static': {
      const tokens = identity.tokens.map(one => ({ ...one, token: readSecret(one.token, env) }))
      return { issuer: STATIC_ISSUER, verify: staticTokens({ tokens }) }
    }
    case 'oidc': {
      const { issuer, audience, algorithms, groupsClaim, keptClaims, authorizedParties, lifetimeMaxMs } = identity
      const verify = oidcVerifier({
        issuer,
        audience,
        tokenType: identity.tokenType === 'id' ? { kind: 'id' } : { kind: 'access', typ: 'required' },
        algorithms,
        claims: { groups: groupsClaim, keep: keptClaims },
        ...(authorizedParties === null ? {} : { authorizedParties }),
        lifetimeMaxSeconds: lifetimeMaxMs / 1_000,
        // Its keys don't cross a network then.
        allowHttpLoopback: isThisHost(new URL(issuer).hostname),
        world,
      })
      return { issuer, verify }
    }
  }
}
