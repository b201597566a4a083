import { createHash, timingSafeEqual } from 'node:crypto'
import type { Instant, Verifier } from '@querywarden/policy-core'
import { looksSigned } from './compact-token.ts'
import { IdentityError } from './identity-error.ts'

/** A development token, known to whoever reads the configuration. */
export interface StaticToken {
  readonly token: string
  readonly subject: string
  readonly groups: readonly string[]
  /** Default: never. Sessions are capped all the same. */
  readonly expiresAt?: Instant
}

export interface StaticTokensOptions {
  readonly tokens: readonly StaticToken[]
  /** A session ends this long after its login, at most. Default one hour. */
  readonly sessionMsMax?: number
}

/** The issuer of principals who came with a development token. No URL, so that no OIDC issuer can be it. */
export const STATIC_ISSUER = 'querywarden:static'

const TOKEN_CHARS_MIN = 8
const TOKEN_CHARS_MAX = 1024
const SESSION_MS_MAX = 3_600_000
/** IPv4 loopback is 127.0.0.0/8 (RFC 1122 section 3.2.1.3), also as an IPv4-mapped IPv6 address. */
const LOOPBACK = /^(::1|(::ffff:)?127(\.\d{1,3}){3})$/i

/**
 * Development tokens. Good only for clients on loopback.
 *
 * @throws IdentityError `CONFIG_INVALID` at once; from the verifier `NOT_LOOPBACK`, `UNKNOWN_TOKEN`, `TOKEN_EXPIRED`.
 * @example
 * ```ts
 * const verify = staticTokens({ tokens: [{ token: 'let-devin-in', subject: 'devin', groups: ['ai-agents'] }] })
 * ```
 */
export function staticTokens({ tokens, sessionMsMax = SESSION_MS_MAX }: StaticTokensOptions): Verifier {
  const known = tokens.map((entry, position) => ({ entry, position, digest: sha256(entry.token) }))
  checkTokens(tokens, sessionMsMax)
  return async ({ token, remoteAddress }, now) => {
    if (!LOOPBACK.test(remoteAddress)) {
      throw new IdentityError('NOT_LOOPBACK', 'development tokens are good on loopback only')
    }
    const digest = sha256(token.length <= TOKEN_CHARS_MAX ? token : '')
    // Every token is compared, each in constant time, so that timing tells nothing of any of them.
    const matches = known.filter(({ digest: other }) => timingSafeEqual(digest, other))
    const match = matches[0]
    if (!match) throw new IdentityError('UNKNOWN_TOKEN', 'token is not one of the development tokens')
    const { subject, groups, expiresAt = Number.POSITIVE_INFINITY } = match.entry
    if (!(now < expiresAt)) throw new IdentityError('TOKEN_EXPIRED', 'development token has expired')
    return {
      issuer: STATIC_ISSUER,
      subject,
      groups,
      actor: null,
      expiresAt: Math.min(expiresAt, now + sessionMsMax),
      // Of its place, not of its text: a short secret could be found again from its digest.
      credentialDigest: sha256(JSON.stringify([STATIC_ISSUER, subject, match.position])).toString('hex'),
    }
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

function checkTokens(tokens: readonly StaticToken[], sessionMsMax: number): void {
  const isSound = ({ token, subject }: StaticToken): boolean =>
    token.length >= TOKEN_CHARS_MIN && token.length <= TOKEN_CHARS_MAX && !looksSigned(token) && subject !== ''
  if (!tokens.every(isSound) || new Set(tokens.map(({ token }) => token)).size !== tokens.length) {
    throw new IdentityError(
      'CONFIG_INVALID',
      `development tokens must differ, have ${TOKEN_CHARS_MIN} to ${TOKEN_CHARS_MAX} characters and not look like a JWT`,
    )
  }
  if (!(sessionMsMax > 0 && Number.isFinite(sessionMsMax))) {
    throw new IdentityError('CONFIG_INVALID', 'sessionMsMax must be more than 0')
  }
}
