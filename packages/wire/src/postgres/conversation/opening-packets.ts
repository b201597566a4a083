/** How far a new connection has come. */
export type OpeningPhase =
  /** Nothing has been said yet. */
  | 'first'
  | 'gssenc-declined'
  | 'ssl-declined'
  /** TLS is up. */
  | 'secured'

/** What a client may open with: the untagged packets, or a TLS handshake without a request for it. */
export type OpeningPacket = 'direct-tls' | 'gssenc-request' | 'ssl-request' | 'startup' | 'cancel-request'

/** What such a packet means. */
export type OpeningAction =
  /** TLS begins, and must settle on the protocol's own ALPN name. */
  | 'secure-directly'
  /** `S` and TLS, or `N` where there is none. */
  | 'answer-ssl'
  /** `N`: GSSAPI encryption is not spoken. */
  | 'decline-gssenc'
  | 'log-in'
  | 'cancel'
  | 'violation'

/** Behind an answer to a request for encryption only what the connection is for may come. */
const SETTLED = {
  'direct-tls': 'violation',
  'gssenc-request': 'violation',
  'ssl-request': 'violation',
  startup: 'log-in',
  'cancel-request': 'cancel',
} as const

/**
 * What each opening packet means, from the first byte to the start-up message. Each encryption is asked for once at most,
 * GSSAPI's ahead of TLS, so no sequence is longer than three (CVE-2026-6479 was one without an end). PostgreSQL 18 manual,
 * 54.2.1 Start-up, 54.2.10 SSL Session Encryption and 54.2.11 GSSAPI Session Encryption.
 *
 * @example
 * OPENING_PACKETS.secured['ssl-request'] // 'violation'
 */
export const OPENING_PACKETS: Readonly<Record<OpeningPhase, Readonly<Record<OpeningPacket, OpeningAction>>>> = {
  first: {
    'direct-tls': 'secure-directly',
    'gssenc-request': 'decline-gssenc',
    'ssl-request': 'answer-ssl',
    startup: 'log-in',
    'cancel-request': 'cancel',
  },
  'gssenc-declined': { ...SETTLED, 'ssl-request': 'answer-ssl' },
  'ssl-declined': SETTLED,
  secured: SETTLED,
}
