import type { Instant } from '@querywarden/policy-core'
import { IdentityError } from './identity-error.ts'
import { type JsonObject, member } from './strict-json.ts'

/** What a token must be to be taken from one issuer. Access and ID tokens are never taken under one profile. */
export interface TokenProfile {
  readonly audience: string
  /** Audiences that may stand beside ours. Any other means that somebody else could replay the token here. */
  readonly otherAudiences: readonly string[]
  readonly tokenType: TokenType
  /** The clients (`azp`, `client_id`) that tokens may be given out to, or null for all of the issuer's. */
  readonly authorizedParties: readonly string[] | null
  /** For `nbf` and `iat`; `exp` has no tolerance. At most 60. */
  readonly clockSkewSeconds: number
  /** From `iat`; a token that says more is cut to this. */
  readonly lifetimeMaxSeconds: number
}

/**
 * - `access`: JWT access tokens of RFC 9068, which say so by `typ: at+jwt`. With `typ: 'optional'` also those of
 *   issuers that don't, if they carry a mark of an access token (`scope`, `client_id`) and none of an ID token.
 * - `id`: ID tokens, and workload tokens, which have the same form.
 */
export type TokenType = { readonly kind: 'access'; readonly typ: 'required' | 'optional' } | { readonly kind: 'id' }

const TYPE_ACCESS: ReadonlySet<string> = new Set(['at+jwt', 'application/at+jwt'])
/** Only in ID tokens (OpenID Connect Core 1.0, sections 2 and 3.3.2.11) and in logout tokens. */
const ID_MARKS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']
/** Only in access tokens (RFC 9068 section 2.2, and the words of issuers older than it). */
const ACCESS_MARKS = ['scope', 'scp', 'client_id', 'cid', 'appid']

/**
 * Checks a verified payload against the profile, in the order `aud`, `typ`, `azp`, `exp`, `nbf`, `iat`, `cnf`.
 *
 * @returns When the token stops being good: `exp`, or `iat` plus the longest lifetime if that is sooner.
 * @throws IdentityError saying which check failed.
 */
export function checkProfile(header: JsonObject, payload: JsonObject, profile: TokenProfile, now: Instant): Instant {
  checkAudience(member(payload, 'aud'), profile)
  if (!isOfType(header, payload, profile.tokenType)) {
    const expected = profile.tokenType.kind === 'access' ? 'an access token (`typ: at+jwt`)' : 'an ID token'
    throw new IdentityError('WRONG_TOKEN_TYPE', `token is of another kind, expected ${expected}`)
  }
  checkParty(payload, profile)
  const expiresAt = checkTimes(payload, profile, now)
  if (member(payload, 'cnf') !== undefined) {
    throw new IdentityError(
      'BINDING_UNSUPPORTED',
      'token is bound to a key of its holder, which cannot be proven over a database connection: ask for a bearer token',
    )
  }
  return expiresAt
}

function checkAudience(aud: unknown, { audience, otherAudiences }: TokenProfile): void {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const isKnown = (one: unknown): boolean => one === audience || otherAudiences.some(other => other === one)
  if (audiences.includes(audience) && audiences.every(isKnown)) return
  throw new IdentityError('WRONG_AUDIENCE', `token is for another audience, expected \`${audience}\` and no other`)
}

function isOfType(header: JsonObject, payload: JsonObject, type: TokenType): boolean {
  const typ = member(header, 'typ')
  const kind = typeof typ === 'string' ? typ.toLowerCase() : typ
  const isPlain = kind === undefined || kind === 'jwt'
  const isAccess = typeof kind === 'string' && TYPE_ACCESS.has(kind)
  const has = (names: readonly string[]): boolean => names.some(name => member(payload, name) !== undefined)
  // Keycloak names the kind of a token in the payload.
  const stated = member(payload, 'typ')
  if (type.kind === 'id') {
    return isPlain && !has(ACCESS_MARKS) && !has(['events']) && (stated === undefined || stated === 'ID')
  }
  if (isAccess) return true
  if (type.typ === 'required' || !isPlain || has(ID_MARKS)) return false
  return stated === 'Bearer' || (stated === undefined && has(ACCESS_MARKS))
}

function checkParty(payload: JsonObject, { tokenType, audience, authorizedParties }: TokenProfile): void {
  const azp = member(payload, 'azp')
  const parties = [azp, member(payload, 'client_id')].filter(party => party !== undefined)
  if (authorizedParties !== null) {
    const isListed = (party: unknown): boolean => authorizedParties.some(listed => listed === party)
    if (parties.length > 0 && parties.every(isListed)) return
    throw new IdentityError('WRONG_PARTY', 'token was given out to a client that is not among `authorizedParties`')
  }
  // An ID token is for the client that asked for it; a foreign `azp` means that it came by another way.
  if (tokenType.kind === 'id' && azp !== undefined && azp !== audience) {
    throw new IdentityError('WRONG_PARTY', 'token was given out to another client: list it in `authorizedParties`')
  }
}

function checkTimes(payload: JsonObject, profile: TokenProfile, now: Instant): Instant {
  const skewMs = profile.clockSkewSeconds * 1000
  const exp = numericDate(payload, 'exp')
  const iat = numericDate(payload, 'iat')
  const nbf = member(payload, 'nbf') === undefined ? iat : numericDate(payload, 'nbf')
  const expiresAt = Math.min(exp, iat + profile.lifetimeMaxSeconds * 1000)
  if (!(now < expiresAt)) throw new IdentityError('TOKEN_EXPIRED', 'token has expired: get a new one')
  if (!(iat <= now + skewMs && nbf <= now + skewMs)) {
    throw new IdentityError('TOKEN_NOT_YET_VALID', 'token is from the future: compare the clocks')
  }
  return expiresAt
}

/** A NumericDate of RFC 7519 section 2, in milliseconds. */
function numericDate(payload: JsonObject, name: string): Instant {
  const seconds = member(payload, name)
  if (typeof seconds === 'number' && seconds >= 0 && seconds < Number.MAX_SAFE_INTEGER / 1000) {
    return Math.floor(seconds * 1000)
  }
  throw new IdentityError('CLAIM_INVALID', `claim \`${name}\` is missing or not a time, expected seconds since 1970`)
}

const CLOCK_SKEW_SECONDS_MAX = 60

/** @throws IdentityError `CONFIG_INVALID`. */
export function checkLimits({ audience, clockSkewSeconds, lifetimeMaxSeconds }: TokenProfile): void {
  if (audience === '') throw new IdentityError('CONFIG_INVALID', 'audience must not be empty')
  if (!(clockSkewSeconds >= 0 && clockSkewSeconds <= CLOCK_SKEW_SECONDS_MAX)) {
    throw new IdentityError('CONFIG_INVALID', `clockSkewSeconds must be from 0 to ${CLOCK_SKEW_SECONDS_MAX}`)
  }
  if (!(lifetimeMaxSeconds > 0 && Number.isFinite(lifetimeMaxSeconds))) {
    throw new IdentityError('CONFIG_INVALID', 'lifetimeMaxSeconds must be more than 0')
  }
}
