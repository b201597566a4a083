import type { Authentication } from './backend/authentication.ts'

/**
 * What the one tag `p` of a client means, by what the server asked for last: PasswordMessage, SASLInitialResponse,
 * SASLResponse or GSSResponse. The bytes alone don't tell (manual 54.7, PasswordMessage).
 */
export type AuthenticationStage = 'password' | 'saslInitial' | 'sasl' | 'gss'

/**
 * The stage that a server's Authentication message begins, or null where a client has nothing to answer: when it is let
 * in, after the server's last word, and for the login methods that are gone from the protocol. Manual 54.2.1.
 *
 * @example
 * let stage: AuthenticationStage | null = null
 * if (reply.kind === 'authentication') stage = authenticationStage(reply.message)
 * const answer = decodeFrontend(frame, stage)
 */
export function authenticationStage({ kind }: Authentication): AuthenticationStage | null {
  switch (kind) {
    case 'cleartext-password':
    case 'md5-password':
      return 'password'
    case 'sasl':
      return 'saslInitial'
    case 'sasl-continue':
      return 'sasl'
    case 'gss':
    case 'gss-continue':
    case 'sspi':
      return 'gss'
    case 'ok':
    case 'kerberos-v5':
    case 'sasl-final':
    case 'unsupported':
      return null
  }
}
