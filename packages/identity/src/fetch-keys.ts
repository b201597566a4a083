import { type Algorithm, type PublicKey, readPublicKey } from './algorithms.ts'
import { fetchJson } from './fetch-json.ts'
import { IdentityError } from './identity-error.ts'
import { isFetchable, isPlainHttp } from './issuer-url.ts'
import { isJsonObject, type JsonObject, member } from './strict-json.ts'
import type { World } from './world.ts'

/** Where an issuer's keys come from: its discovery document, one fixed address, or the configuration itself. */
export type KeyLocation =
  | { readonly kind: 'discovery' }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'fixed'; readonly jwks: { readonly keys: readonly unknown[] } }

/** An issuer's usable keys by key id. */
export type KeySet = ReadonlyMap<string, PublicKey>

export interface KeyOrigin {
  readonly issuer: string
  readonly location: KeyLocation
  readonly algorithms: readonly Algorithm[]
  readonly allowHttpLoopback: boolean
}

const KEYS_MAX = 100

/**
 * Fetches an issuer's keys.
 *
 * @throws IdentityError `KEYS_UNAVAILABLE`.
 */
export async function fetchKeys(origin: KeyOrigin, world: World): Promise<KeySet> {
  if (origin.location.kind === 'fixed') return readKeys({ keys: origin.location.jwks.keys }, origin.algorithms)
  const url = origin.location.kind === 'url' ? origin.location.url : await discover(origin, world)
  return readKeys(await fetchJson(url, world), origin.algorithms)
}

/** The `jwks_uri` of the discovery document (OpenID Connect Discovery 1.0, section 4), which must be the issuer's own. */
async function discover({ issuer, allowHttpLoopback }: KeyOrigin, world: World): Promise<string> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, world)
  if (member(document, 'issuer') !== issuer) {
    throw new IdentityError('KEYS_UNAVAILABLE', `the discovery document of \`${issuer}\` names another issuer`)
  }
  const url = member(document, 'jwks_uri')
  if (isFetchable(url, allowHttpLoopback && isPlainHttp(issuer))) return url
  throw new IdentityError('KEYS_UNAVAILABLE', `the discovery document of \`${issuer}\` has no https \`jwks_uri\``)
}

/**
 * The usable keys of a set. Unusable ones are left out, as RFC 7517 section 5 asks; a key id that two keys share is
 * left out, too, since it doesn't say which of them signed.
 */
function readKeys(document: JsonObject, algorithms: readonly Algorithm[]): KeySet {
  const entries = member(document, 'keys')
  if (!Array.isArray(entries) || entries.length > KEYS_MAX) {
    throw new IdentityError('KEYS_UNAVAILABLE', `the key set has no list of at most ${KEYS_MAX} keys`)
  }
  const objects = entries.filter(isJsonObject)
  const count = new Map<unknown, number>()
  for (const entry of objects) count.set(member(entry, 'kid'), (count.get(member(entry, 'kid')) ?? 0) + 1)
  const keys = objects
    .filter(entry => count.get(member(entry, 'kid')) === 1)
    .map(entry => readPublicKey(entry, algorithms))
    .filter(key => key !== null)
  return new Map(keys.map(key => [key.kid, key]))
}
