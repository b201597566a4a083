/** A moment in wall time: milliseconds since 1970-01-01 UTC. */
export type Instant = number

/** Someone known to an issuer. Identity is the pair (issuer, subject); names and e-mail addresses never are. */
export interface Identity {
  readonly issuer: string
  readonly subject: string
  readonly groups: readonly string[]
  /** The claims of its token that the configuration says to keep, each name once. Absent: none. */
  readonly claims?: readonly Claim[]
}

/** A value of a claim, as the token has it. */
export type ClaimValue = string | number | boolean

/** A claim of a token. A list rather than an object, so that no name can be one that objects inherit. */
export interface Claim {
  readonly name: string
  /** One for a plain value, all for a list. */
  readonly values: readonly ClaimValue[]
}

/** Who asks. */
export interface Principal extends Identity {
  /** The agent that acts for this identity, or null. Both must be allowed: rights intersect, they never add up. */
  readonly actor: Identity | null
  /** When the credential stops being good. A session ends no later than this. */
  readonly expiresAt: Instant
  /** A digest of the credential's id, to correlate sessions of one token; never the credential itself. */
  readonly credentialDigest: string | null
}

/** The key under which an identity is compared and stored. JSON, so that no subject can imitate another issuer's. */
export const identityKey = (identity: Pick<Identity, 'issuer' | 'subject'>): string =>
  JSON.stringify([identity.issuer, identity.subject])

/** Whether two identities are the same person or machine. */
export const isSameIdentity = (
  a: Pick<Identity, 'issuer' | 'subject'>,
  b: Pick<Identity, 'issuer' | 'subject'>,
): boolean => a.issuer === b.issuer && a.subject === b.subject
