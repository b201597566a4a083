import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import {
  decodePassword,
  encodeAuthentication,
  encodeNegotiateProtocolVersion,
  FRONTEND_LOGIN_TAGS,
  FrameBuffer,
  OPENING_PACKETS,
  type OpeningPhase,
  PROTOCOL_OPTION_PREFIX,
  type Startup,
} from '@querywarden/wire/postgres'
import type { ClientTls, SecuredClient, ShownCertificate } from '../client-tls.ts'
import { Link, lastWords } from '../link.ts'
import { isLoopback } from '../loopback.ts'
import { fatalResponse } from './error-response.ts'
import { nextPacket, type Opening, opening } from './first-packet.ts'
import { HandshakeError, refuse, violation } from './handshake-error.ts'
import { readStartUpParameters, type StartUpReading } from './start-up-parameters.ts'

/** What a new connection turned out to want. */
export type Arrival =
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Uint8Array }
  | {
      readonly kind: 'login'
      readonly link: Link
      readonly request: Extract<StartUpReading, { kind: 'accepted' }>
      readonly token: string
      /** The minor version of protocol 3 that is spoken from now on. */
      readonly minor: number
      readonly certificate: ShownCertificate
    }

export type Login = Extract<Arrival, { kind: 'login' }>

export interface HandshakeOptions {
  /** Null where the listener has no certificate. */
  readonly tls: ClientTls | null
  /** Told of the socket that speaks for the raw one from now on. */
  readonly onSecured: (secured: Socket) => void
  /** Asked before the token is: throws where there would be no use for one. */
  readonly admit: () => void
}

/** Protocol 3.2, with the long cancel keys of PostgreSQL 18. */
const NEWEST_MINOR = 2

/** A JSON Web Token of 16 KiB and its frame. */
const PASSWORD_FRAME_BYTES_MAX = 17_000

/**
 * Takes a connection up to its token: TLS where offered, version, parameters, password. Nothing here has a side effect
 * beyond the socket. It has no clock of its own: who calls it closes the socket when the time for a login is over.
 * @throws {HandshakeError}
 */
export async function shakeHands(raw: Socket, options: HandshakeOptions): Promise<Arrival> {
  const { socket, startup, certificate } = await negotiate(raw, options)
  if (startup.kind === 'cancel-request') {
    return { kind: 'cancel', processId: startup.processId, secretKey: startup.secretKey }
  }
  if (!(socket instanceof TLSSocket)) checkPlain(raw, options)
  const request = readStartUpParameters(startup.parameters)
  if (request.kind === 'refused')
    throw new HandshakeError({ sqlstate: '0A000', message: request.message, hint: request.hint })
  options.admit()

  // From here on nothing that the client says changes who it is or what it asked for (threats E6).
  const minor = Math.min(startup.minor, NEWEST_MINOR)
  const unrecognized = [...startup.parameters.keys()].filter(name => name.startsWith(PROTOCOL_OPTION_PREFIX))
  if (startup.minor > minor || unrecognized.length > 0)
    socket.write(encodeNegotiateProtocolVersion({ newestMinor: minor, unrecognized }))
  const frames = new FrameBuffer({ frameBytesMax: PASSWORD_FRAME_BYTES_MAX, tags: FRONTEND_LOGIN_TAGS })
  const link = new Link(socket, frames, { bufferedBytesMax: PASSWORD_FRAME_BYTES_MAX })
  link.write(encodeAuthentication({ kind: 'cleartext-password' }))
  const frame = await link.read()
  if (frame === null) throw new HandshakeError(null)
  const { password } = decodePassword(frame.body)
  return { kind: 'login', link, request, token: password, minor, certificate }
}

interface Negotiated {
  readonly socket: Socket
  readonly startup: Extract<Startup, { kind: 'startup' | 'cancel-request' }>
  readonly certificate: ShownCertificate
}

/** Each encryption that is asked for in its turn, and once; then the packet that counts (threats E5). */
async function negotiate(raw: Socket, options: HandshakeOptions): Promise<Negotiated> {
  let phase: OpeningPhase = 'first'
  let socket = raw
  let certificate: ShownCertificate = { kind: 'none' }
  for (;;) {
    const packet: Opening = phase === 'first' ? await opening(socket) : await nextPacket(socket)
    switch (OPENING_PACKETS[phase][packet.kind]) {
      case 'decline-gssenc':
        socket.write('N')
        phase = 'gssenc-declined'
        break
      case 'answer-ssl':
        if (options.tls === null) {
          socket.write('N')
          phase = 'ssl-declined'
          break
        }
        socket.write('S')
        ;({ socket, certificate } = await secure(raw, options.tls, options))
        phase = 'secured'
        break
      case 'secure-directly':
        ;({ socket, certificate } = await secureDirectly(raw, options))
        phase = 'secured'
        break
      case 'log-in':
      case 'cancel':
        if (packet.kind === 'startup' || packet.kind === 'cancel-request')
          return { socket, startup: packet, certificate }
        throw violation('the client asked for what has no place here')
      case 'violation':
        throw violation('the client asked for encryption twice, or too late')
    }
  }
}

async function secureDirectly(raw: Socket, options: HandshakeOptions): Promise<SecuredClient> {
  if (options.tls === null) throw violation('the client began with TLS, and this gateway has none')
  const secured = await secure(raw, options.tls, options)
  if (!secured.hasAlpn) throw violation('TLS without a request before it is spoken by ALPN `postgresql` only')
  return secured
}

async function secure(raw: Socket, tls: ClientTls, { onSecured }: HandshakeOptions): Promise<SecuredClient> {
  const secured = await tls.secure(raw).catch(() => {
    throw new HandshakeError(null)
  })
  onSecured(secured.socket)
  const { certificate } = secured
  if (certificate.kind === 'unverified')
    throw refuse('28000', `the client's certificate is not taken: ${certificate.why}`, 'use one of the authority')
  if (certificate.kind === 'none' && tls.clientCertificates === 'required')
    throw refuse('28000', 'this gateway asks for a client certificate', 'connect with sslcert and sslkey')
  return secured
}

/** What goes in the clear may be read by whoever is in between, and a token is good for whoever has read it. */
function checkPlain(raw: Socket, { tls }: HandshakeOptions): void {
  if (!isLoopback(raw.remoteAddress)) {
    throw refuse(
      '28000',
      'a token is only taken over TLS, except from this host itself',
      'connect with sslmode=require',
    )
  }
  if (tls?.clientCertificates === 'required')
    throw refuse(
      '28000',
      'this gateway asks for a client certificate',
      'connect with sslmode=require, sslcert and sslkey',
    )
}

/** Tells the client why, where it is owed a reason, and closes. */
export function refuseHandshake(socket: Socket, error: HandshakeError): void {
  if (error.report === null || !socket.writable) {
    socket.destroy()
    return
  }
  lastWords(socket, fatalResponse(error.report))
}
