import { IdentityError } from './identity-error.ts'
import { type JsonObject, member } from './strict-json.ts'

/**
 * The signature algorithms that can be configured: asymmetric ones only, so that no public key is ever taken for a
 * shared secret (RFC 8725 sections 2.1 and 3.1).
 */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const
export type Algorithm = (typeof ALGORITHMS)[number]

export const isAlgorithm = (value: unknown): value is Algorithm => ALGORITHMS.some(known => known === value)

/** RFC 7518 section 3.3 asks for 2048 bits; the upper bound keeps one verification cheap. */
const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 8192
const CURVES: Readonly<Partial<Record<Algorithm, string>>> = {
  ES256: 'P-256',
  ES384: 'P-384',
  ES512: 'P-521',
  EdDSA: 'Ed25519',
}

/** A public key of a set, with the members that verification needs and no others. */
export interface PublicKey {
  readonly kid: string
  readonly jwk: Readonly<Record<string, string>>
  /** The configured algorithms that it may verify. */
  readonly algorithms: ReadonlySet<Algorithm>
}

/** Reads one key of a set, or gives null where it is not a strong signing key for any of the algorithms. */
export function readPublicKey(entry: JsonObject, allowed: readonly Algorithm[]): PublicKey | null {
  const kid = member(entry, 'kid')
  if (typeof kid !== 'string' || kid === '') return null
  if (!isForVerifying(entry)) return null
  const stated = member(entry, 'alg')
  const algorithms = allowed.filter(
    algorithm => (stated === undefined || stated === algorithm) && fits(entry, algorithm),
  )
  if (algorithms.length === 0) return null
  const names = ['kty', 'crv', 'x', 'y', 'n', 'e'].filter(name => typeof member(entry, name) === 'string')
  return {
    kid,
    jwk: Object.fromEntries(names.map(name => [name, String(member(entry, name))])),
    algorithms: new Set(algorithms),
  }
}

function isForVerifying(entry: JsonObject): boolean {
  const use = member(entry, 'use')
  const operations = member(entry, 'key_ops')
  if (use !== undefined && use !== 'sig') return false
  return operations === undefined || (Array.isArray(operations) && operations.includes('verify'))
}

function fits(entry: JsonObject, algorithm: Algorithm): boolean {
  const kty = member(entry, 'kty')
  const curve = CURVES[algorithm]
  if (curve === undefined) return kty === 'RSA' && isStrongRsa(entry)
  return kty === (algorithm === 'EdDSA' ? 'OKP' : 'EC') && member(entry, 'crv') === curve
}

function isStrongRsa(entry: JsonObject): boolean {
  const bits = bitLength(member(entry, 'n'))
  const exponent = member(entry, 'e')
  const isOdd = typeof exponent === 'string' && ((Buffer.from(exponent, 'base64url').at(-1) ?? 0) & 1) === 1
  // An exponent of 1 makes every text its own signature; 65537 has 17 bits, and nobody has a reason for less.
  return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && isOdd && bitLength(exponent) >= 17
}

function bitLength(value: unknown): number {
  if (typeof value !== 'string') return 0
  const bytes = Buffer.from(value, 'base64url')
  const first = bytes.findIndex(byte => byte !== 0)
  return first < 0 ? 0 : (bytes.length - first - 1) * 8 + (32 - Math.clz32(bytes[first] ?? 0))
}

/**
 * @throws IdentityError `CONFIG_INVALID` where a name is not one of {@link ALGORITHMS}, or there is none.
 */
export function checkAlgorithms(names: readonly string[]): readonly Algorithm[] {
  const known = names.filter(isAlgorithm)
  if (known.length > 0 && known.length === names.length) return known
  throw new IdentityError('CONFIG_INVALID', `algorithms must be one or more of ${ALGORITHMS.join(', ')}`)
}
