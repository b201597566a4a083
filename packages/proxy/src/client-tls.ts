import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { printable } from '@querywarden/policy-core'
import type { ClientCertificates, ListenerTls } from './config/config.ts'
import { ConfigError } from './config/config-error.ts'
import { readAuthority } from './config/tls-files.ts'
import { ALPN_POSTGRESQL } from './socket-settings.ts'

/** What a client showed of itself in its handshake. */
export type ShownCertificate =
  | { readonly kind: 'none' }
  | { readonly kind: 'verified'; readonly subject: string; readonly sha256: string }
  /** Expired, of another authority, not for clients: with OpenSSL's name for what is wrong. */
  | { readonly kind: 'unverified'; readonly why: string }

export interface SecuredClient {
  readonly socket: TLSSocket
  readonly certificate: ShownCertificate
  /** The client asked for `postgresql` by ALPN, and got it. */
  readonly hasAlpn: boolean
}

/** The gateway's side of TLS with clients. Certificates are replaced by opening another one. */
export interface ClientTls {
  readonly clientCertificates: ClientCertificates['kind']
  /** The server's side of a handshake. Rejects when it fails or the client goes; the socket is closed then. */
  readonly secure: (socket: Socket) => Promise<SecuredClient>
}

/**
 * Opens the listener's certificates, ready to serve with.
 * @throws {ConfigError} `UNREADABLE`: a file can't be read, or certificate and key are no pair.
 */
export function openClientTls(files: ListenerTls): ClientTls {
  const { kind } = files.clientCertificates
  const server = tlsServer(files)
  const waiting = new Map<string, (secured: TLSSocket) => void>()
  // It listens nowhere: sockets are handed to it, and found again by the peer's address.
  server.on('secureConnection', secured => {
    secured.on('error', () => undefined)
    const take = waiting.get(peerOf(secured) ?? '')
    if (take === undefined) secured.destroy()
    else take(secured)
  })
  // Who fails has its own socket closed, which is what is waited for. Node does so by itself; this says it.
  server.on('tlsClientError', (_error, secured) => secured.destroy())
  return {
    clientCertificates: kind,
    secure: socket =>
      new Promise((resolve, reject) => {
        const peer = peerOf(socket)
        if (peer === null) {
          socket.destroy()
          reject(new Error('the client has left'))
          return
        }
        const onClose = (): void => {
          waiting.delete(peer)
          reject(new Error('the TLS handshake with the client failed'))
        }
        socket.once('close', onClose)
        waiting.set(peer, secured => {
          waiting.delete(peer)
          socket.off('close', onClose)
          const hasAlpn = secured.alpnProtocol !== false && secured.alpnProtocol !== null
          resolve({ socket: secured, certificate: kind === 'off' ? { kind: 'none' } : shown(secured), hasAlpn })
        })
        server.emit('connection', socket)
      }),
  }
}

/** Address and port of a peer, which no two live connections of a listener share; null once it has left. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string | null =>
  remotePort === undefined ? null : `${remoteAddress} ${remotePort}`

const SUBJECT_CHARS_MAX = 512

function shown(secured: TLSSocket): ShownCertificate {
  const certificate = secured.getPeerX509Certificate()
  if (certificate === undefined) return { kind: 'none' }
  if (!secured.authorized) return { kind: 'unverified', why: String(secured.authorizationError) }
  // One attribute a line, as Node writes it.
  const subject = printable(certificate.subject.replaceAll('\n', ', ')).slice(0, SUBJECT_CHARS_MAX)
  return { kind: 'verified', subject, sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase() }
}

function tlsServer(files: ListenerTls): ReturnType<typeof createServer> {
  const certificates = certificateRequest(files.clientCertificates)
  try {
    return createServer({
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      minVersion: 'TLSv1.2',
      ALPNProtocols: [...ALPN_POSTGRESQL],
      // As PostgreSQL: a resumed session would bring back what was verified under certificates since replaced.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      ...certificates,
    })
  } catch {
    throw new ConfigError(
      'UNREADABLE',
      `\`listen.postgres.tls\`: certificate \`${files.cert}\` and key \`${files.key}\` can't be read as a PEM pair`,
    )
  }
}

/** Who shows a bad certificate is told so inside TLS, where it can be read, and not by a broken handshake. */
function certificateRequest(wanted: ClientCertificates): TlsOptions {
  return wanted.kind === 'off'
    ? {}
    : { requestCert: true, rejectUnauthorized: false, ca: readAuthority(wanted.ca, '`listen.postgres.tls`: client_ca') }
}
