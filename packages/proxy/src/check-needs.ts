import { type KeyPath, type Policy, type PolicyIssue, printable, type Who } from '@querywarden/policy-core'
import { formatIssues } from '@querywarden/policy-core/yaml'
import type { IdentityConfig } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'

/**
 * Refuses a policy that asks for what this gateway would never know: a deny by a claim that no token is ever looked at for
 * would be silence.
 * @throws {ConfigError}
 */
export function checkNeeds(policy: Policy, identities: readonly IdentityConfig[]): void {
  const issues = claimIssues(policy, identities)
  if (issues.length > 0) throw new ConfigError('INVALID', formatIssues(issues))
}

const issue = (path: KeyPath, message: string): PolicyIssue => ({ path, message, at: 'value', location: null })

/** Every issuer whose tokens a condition may meet must be known to keep its claims. Development tokens have none to keep. */
function claimIssues(policy: Policy, identities: readonly IdentityConfig[]): readonly PolicyIssue[] {
  const issuers = identities.flatMap(identity => (identity.kind === 'oidc' ? [identity] : []))
  return conditionsOf(policy).flatMap(({ who, path }) =>
    (who.claims ?? []).flatMap(({ name }) => {
      const forgetful = issuers.filter(
        ({ issuer, keptClaims }) => (who.issuers?.includes(issuer) ?? true) && !keptClaims.includes(name),
      )
      return forgetful.map(({ issuer }) =>
        issue(
          [...path, 'claims', name],
          `is kept of no token: name it under claims.keep of the issuer ${printable(issuer)} in the configuration`,
        ),
      )
    }),
  )
}

function conditionsOf(policy: Policy): readonly { readonly who: Who; readonly path: KeyPath }[] {
  const given = (who: Who | null, path: KeyPath) => (who === null ? [] : [{ who, path }])
  return [
    ...policy.rules.flatMap(({ who }, index) => given(who, ['rules', index, 'who'])),
    ...policy.masks.flatMap(({ who, unless }, index) => [
      ...given(who, ['masks', index, 'who']),
      ...given(unless, ['masks', index, 'unless']),
    ]),
    ...policy.limits.flatMap(({ who }, index) => given(who, ['limits', index, 'who'])),
  ]
}
