import type { Verifier } from '@querywarden/policy-core'
import { checkSize, looksSigned, splitToken } from './compact-token.ts'
import { IdentityError } from './identity-error.ts'
import { STATIC_ISSUER } from './static-tokens.ts'
import { member } from './strict-json.ts'

/** The verifier of one issuer; `STATIC_ISSUER` for development tokens. */
export interface IssuerVerifier {
  readonly issuer: string
  readonly verify: Verifier
}

/**
 * One verifier for several issuers. A signed token goes to the one verifier of the issuer that it names, everything else
 * to the development tokens; no token is ever tried with two.
 *
 * @throws IdentityError `CONFIG_INVALID` at once where an issuer is listed twice; from the verifier `UNKNOWN_ISSUER`,
 * `UNKNOWN_TOKEN`, and whatever the chosen one throws.
 * @example
 * ```ts
 * const verify = firstOf([
 *   { issuer: 'https://idp.example.com', verify: oidcVerifier(options) },
 *   { issuer: STATIC_ISSUER, verify: staticTokens({ tokens }) },
 * ])
 * ```
 */
export function firstOf(verifiers: readonly IssuerVerifier[]): Verifier {
  const byIssuer = new Map(verifiers.map(({ issuer, verify }) => [issuer, verify]))
  if (byIssuer.size !== verifiers.length) {
    throw new IdentityError('CONFIG_INVALID', 'an issuer is listed twice: one issuer has one profile')
  }
  return async (credential, now) => {
    checkSize(credential.token)
    if (!looksSigned(credential.token)) {
      const verify = byIssuer.get(STATIC_ISSUER)
      if (verify) return verify(credential, now)
      throw new IdentityError('UNKNOWN_TOKEN', 'token is not a signed JWT')
    }
    const issuer = member(splitToken(credential.token).payload, 'iss')
    const verify = typeof issuer === 'string' && issuer !== STATIC_ISSUER ? byIssuer.get(issuer) : undefined
    if (verify) return verify(credential, now)
    throw new IdentityError('UNKNOWN_ISSUER', 'token is from an issuer that is not configured')
  }
}
