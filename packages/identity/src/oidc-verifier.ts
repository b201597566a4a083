import type { Principal, Verifier } from '@querywarden/policy-core'
import { compactVerify, importJWK } from 'jose'
import { type Algorithm, checkAlgorithms, isAlgorithm, type PublicKey } from './algorithms.ts'
import { actorGroups, checkKeptClaims, digestOf, type KnownActor, readActor, readIdentity } from './claim-mapping.ts'
import { type CompactToken, splitToken } from './compact-token.ts'
import { fetchKeys, type KeyLocation } from './fetch-keys.ts'
import { IdentityError } from './identity-error.ts'
import { checkIssuer, isFetchable } from './issuer-url.ts'
import { type KeyEvent, type KeyFinder, keyCache } from './key-cache.ts'
import { type JsonObject, member } from './strict-json.ts'
import { checkLimits, checkProfile, type TokenProfile, type TokenType } from './token-profile.ts'
import type { World } from './world.ts'

/** One issuer, and what is taken from it. */
export interface OidcOptions {
  /** Exactly as in `iss`. https, unless on loopback with `allowHttpLoopback`. */
  readonly issuer: string
  /** What `aud` must be: this gateway's own name at the issuer. */
  readonly audience: string
  readonly tokenType: TokenType
  /** Default RS256 and ES256. */
  readonly algorithms?: readonly Algorithm[]
  /**
   * Where the groups are: a claim's name, or a path of names. Default `groups`. `keep` names claims, at most 32, that rules
   * may ask for; each is a name, a number, true or false, or a list of them.
   */
  readonly claims?: { readonly groups: string | readonly string[]; readonly keep?: readonly string[] }
  /** Audiences that may stand beside ours. Default none. */
  readonly otherAudiences?: readonly string[]
  /** The clients that tokens may be given out to. Default: any of the issuer's for access tokens, the audience for ID tokens. */
  readonly authorizedParties?: readonly string[]
  /** Agents that act for people (`act`), with their groups. */
  readonly actors?: readonly KnownActor[]
  /** For `nbf` and `iat`. Default 30, at most 60. `exp` has no tolerance, since a session must end by it anyway. */
  readonly clockSkewSeconds?: number
  /** The longest time from `iat`, whatever the token says. Default 3600. */
  readonly lifetimeMaxSeconds?: number
  readonly keys?: KeyLocation
  /** How long keys are used without asking. Default 600. */
  readonly keysFreshSeconds?: number
  /** How old keys may get while the issuer is down. Default and most: 3600. */
  readonly keysStaleSecondsMax?: number
  /** For development: an issuer on http://127.0.0.1, ::1 or localhost. */
  readonly allowHttpLoopback?: boolean
  readonly world: World
  /** Told of every refresh of the keys, for metrics. */
  readonly onKeys?: (event: KeyEvent) => void
}

/** The header parameters that are understood. A key or a certificate in the token (RFC 7515 section 4.1) is an attack. */
const HEADER_NAMES: ReadonlySet<string> = new Set(['alg', 'kid', 'typ', 'x5t', 'x5t#S256'])

/**
 * Takes one issuer's tokens, fail closed: algorithms fixed by configuration, the key by its exact id, and no word of
 * the token believed before its signature holds.
 *
 * @throws IdentityError `CONFIG_INVALID` at once; from the verifier any other of its codes.
 * @example
 * ```ts
 * const verify = oidcVerifier({
 *   issuer: 'https://idp.example.com',
 *   audience: 'querywarden',
 *   tokenType: { kind: 'access', typ: 'required' },
 *   world: { fetch, clock: { monotonic: () => performance.now() }, random: Math.random, sleep },
 * })
 * const principal = await verify({ kind: 'bearer', token, remoteAddress: '192.0.2.7' }, Date.now())
 * ```
 */
export function oidcVerifier(options: OidcOptions): Verifier {
  const { issuer } = options
  const profile = profileOf(options)
  const algorithms = checkAlgorithms(options.algorithms ?? ['RS256', 'ES256'])
  const groups = options.claims?.groups ?? 'groups'
  const paths = { groups: typeof groups === 'string' ? [groups] : groups, kept: options.claims?.keep ?? [] }
  if (paths.groups.length === 0) throw new IdentityError('CONFIG_INVALID', 'claims.groups must name a claim')
  checkKeptClaims(paths.kept)
  const actors = actorGroups(options.actors ?? [], issuer)
  const findKey = keysOf(options, algorithms)

  return async ({ token }, now): Promise<Principal> => {
    const parts = splitToken(token)
    const { algorithm, kid } = readHeader(parts.header, algorithms)
    if (member(parts.payload, 'iss') !== issuer) {
      throw new IdentityError('UNKNOWN_ISSUER', `token is from another issuer, expected \`${issuer}\``)
    }
    await checkSignature(parts, await findKey(kid), algorithm)
    const expiresAt = checkProfile(parts.header, parts.payload, profile, now)
    return {
      ...readIdentity(parts.payload, issuer, paths),
      actor: readActor(parts.payload, issuer, paths, actors),
      expiresAt,
      credentialDigest: digestOf(parts.payload, issuer, parts.signingInput),
    }
  }
}

function profileOf(options: OidcOptions): TokenProfile {
  checkIssuer(options.issuer, options.allowHttpLoopback ?? false)
  const profile: TokenProfile = {
    audience: options.audience,
    otherAudiences: options.otherAudiences ?? [],
    tokenType: options.tokenType,
    authorizedParties: options.authorizedParties ?? null,
    clockSkewSeconds: options.clockSkewSeconds ?? 30,
    lifetimeMaxSeconds: options.lifetimeMaxSeconds ?? 3600,
  }
  checkLimits(profile)
  return profile
}

function keysOf(options: OidcOptions, algorithms: readonly Algorithm[]): KeyFinder {
  const { issuer, allowHttpLoopback = false, keys: location = { kind: 'discovery' }, world } = options
  if (location.kind === 'url' && !isFetchable(location.url, allowHttpLoopback)) {
    throw new IdentityError('CONFIG_INVALID', 'keys.url must be an https URL')
  }
  return keyCache(
    () => fetchKeys({ issuer, location, algorithms, allowHttpLoopback }, world),
    {
      freshMs: (options.keysFreshSeconds ?? 600) * 1000,
      staleMsMax: (options.keysStaleSecondsMax ?? 3600) * 1000,
    },
    world,
    options.onKeys ?? (() => undefined),
  )
}

interface ReadHeader {
  readonly algorithm: Algorithm
  readonly kid: string
}

function readHeader(header: JsonObject, algorithms: readonly Algorithm[]): ReadHeader {
  if (!Object.keys(header).every(name => HEADER_NAMES.has(name))) {
    throw new IdentityError('HEADER_REFUSED', `token has header parameters other than ${[...HEADER_NAMES].join(', ')}`)
  }
  const algorithm = member(header, 'alg')
  if (!isAlgorithm(algorithm) || !algorithms.includes(algorithm)) {
    throw new IdentityError(
      'ALGORITHM_REFUSED',
      `token is signed by another algorithm, expected ${algorithms.join(', ')}`,
    )
  }
  const kid = member(header, 'kid')
  if (typeof kid !== 'string' || kid === '') {
    throw new IdentityError('HEADER_REFUSED', 'token does not say which key signed it, expected `kid`')
  }
  return { algorithm, kid }
}

async function checkSignature({ text }: CompactToken, key: PublicKey, algorithm: Algorithm): Promise<void> {
  if (!key.algorithms.has(algorithm)) {
    throw new IdentityError('ALGORITHM_REFUSED', 'token is signed by an algorithm that its key is not for')
  }
  try {
    await compactVerify(text, await importJWK({ ...key.jwk }, algorithm), { algorithms: [algorithm] })
  } catch (cause) {
    throw new IdentityError('BAD_SIGNATURE', 'signature of the token does not hold', { cause })
  }
}
