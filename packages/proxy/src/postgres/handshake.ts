import type { Socket } from 'node:net'
import { type SecureContext, TLSSocket } from 'node:tls'
import {
  decodePassword,
  decodeStartup,
  encodeAuthentication,
  encodeNegotiateProtocolVersion,
  FRONTEND_LOGIN_TAGS,
  FrameBuffer,
  FrameError,
  type Startup,
  StartupBuffer,
} from '@querywarden/wire/postgres'
import { Link, lastWords } from '../link.ts'
import { isLoopback } from '../loopback.ts'
import { fatalResponse, type Report } from './error-response.ts'
import { readStartUpParameters, type StartUpReading } from './start-up-parameters.ts'

/** What a new connection turned out to want. */
export type Arrival =
  | { readonly kind: 'cancel'; readonly processId: number; readonly secretKey: Uint8Array }
  | {
      readonly kind: 'login'
      readonly link: Link
      readonly request: Extract<StartUpReading, { kind: 'accepted' }>
      readonly token: string
      readonly isEncrypted: boolean
    }

/** Ends a handshake: the client has been told why, or is not owed an answer. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError'
  readonly report: Report | null

  constructor(report: Report | null) {
    super(report?.message ?? 'connection closed during the handshake')
    this.report = report
  }
}

/** A JSON Web Token of 16 KiB and its frame. */
const PASSWORD_FRAME_BYTES_MAX = 17_000

/**
 * Takes a connection up to its token: TLS where offered, version, parameters, password. Nothing here has a side effect
 * beyond the socket.
 * @throws {HandshakeError}
 */
export async function shakeHands(
  raw: Socket,
  options: {
    readonly secureContext: SecureContext | null
    /** Told of the socket that speaks for the raw one from now on. */
    readonly onSecured: (secured: Socket) => void
  },
): Promise<Arrival> {
  const { socket, startup } = await negotiate(raw, options)
  if (startup.kind === 'cancel-request') {
    return { kind: 'cancel', processId: startup.processId, secretKey: startup.secretKey }
  }
  if (startup.kind !== 'startup') throw violation('the client asked for encryption twice')
  const isEncrypted = socket instanceof TLSSocket
  if (!isEncrypted && !isLoopback(raw.remoteAddress)) {
    throw refuse(
      '28000',
      'a token is only taken over TLS, except from this host itself',
      'connect with sslmode=require',
    )
  }
  const request = readStartUpParameters(startup.parameters)
  if (request.kind === 'refused')
    throw new HandshakeError({ sqlstate: '0A000', message: request.message, hint: request.hint })

  const unrecognized = [...startup.parameters.keys()].filter(name => name.startsWith('_pq_.'))
  if (startup.minor > 0 || unrecognized.length > 0) {
    socket.write(encodeNegotiateProtocolVersion({ newestMinor: 0, unrecognized }))
  }
  const frames = new FrameBuffer({ frameBytesMax: PASSWORD_FRAME_BYTES_MAX, tags: FRONTEND_LOGIN_TAGS })
  const link = new Link(socket, frames, { bufferedBytesMax: PASSWORD_FRAME_BYTES_MAX })
  link.write(encodeAuthentication({ kind: 'cleartext-password' }))
  const frame = await link.read()
  if (frame === null) throw new HandshakeError(null)
  const { password } = decodePassword(frame.body)
  return { kind: 'login', link, request, token: password, isEncrypted }
}

/** At most one SSLRequest and one GSSENCRequest, then the packet that counts. */
async function negotiate(
  raw: Socket,
  { secureContext, onSecured }: Parameters<typeof shakeHands>[1],
): Promise<{ socket: Socket; startup: Startup }> {
  let socket = raw
  let askedTls = false
  let askedGss = false
  for (;;) {
    const startup = await firstPacket(socket)
    if (startup.kind === 'ssl-request' && !askedTls) {
      askedTls = true
      if (secureContext === null) socket.write('N')
      else {
        socket = await startTls(socket, secureContext)
        onSecured(socket)
      }
    } else if (startup.kind === 'gssenc-request' && !askedGss && !askedTls) {
      askedGss = true
      socket.write('N')
    } else {
      return { socket, startup }
    }
  }
}

function startTls(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    socket.write('S')
    const secured = new TLSSocket(socket, { isServer: true, secureContext })
    const onFailure = (): void => reject(new HandshakeError(null))
    secured.on('error', onFailure)
    // Without a tls.Server around it, the socket tells of a record that doesn't authenticate in this way only, and
    // would stay open (Node, lib/internal/tls/wrap.js).
    secured.on('_tlsError', () => secured.destroy())
    secured.once('close', onFailure)
    secured.once('secure', () => {
      secured.off('close', onFailure)
      resolve(secured)
    })
  })
}

/** Reads one untyped packet and not a byte more: what comes behind it unasked was stuffed there (threats E4). */
function firstPacket(socket: Socket): Promise<Startup> {
  return new Promise((resolve, reject) => {
    const buffer = new StartupBuffer()
    const stop = (): void => {
      socket.off('data', onData)
      socket.off('error', onGone)
      socket.off('close', onGone)
      socket.off('end', onGone)
    }
    const onGone = (): void => {
      stop()
      reject(new HandshakeError(null))
    }
    const onData = (chunk: Buffer): void => {
      try {
        buffer.push(chunk)
        const packet = buffer.next()
        if (packet === undefined) return
        stop()
        if (buffer.buffered > 0 || socket.readableLength > 0)
          throw violation('the client sent data before it was asked to')
        resolve(decodeStartup(packet))
      } catch (error) {
        stop()
        reject(error instanceof FrameError ? asViolation(error) : error)
      }
    }
    socket.on('data', onData)
    socket.on('error', onGone)
    socket.on('close', onGone)
    socket.on('end', onGone)
  })
}

/** Tells the client why, where it is owed a reason, and closes. */
export function refuseHandshake(socket: Socket, error: HandshakeError): void {
  if (error.report === null || !socket.writable) {
    socket.destroy()
    return
  }
  lastWords(socket, fatalResponse(error.report))
}

const asViolation = (error: FrameError): HandshakeError =>
  error.code === 'UNSUPPORTED_VERSION'
    ? refuse('0A000', `this protocol is not spoken here: ${error.message}`, 'use protocol 3.0')
    : violation(`the start-up packet is not in order: ${error.message}`)

const violation = (message: string): HandshakeError => new HandshakeError({ sqlstate: '08P01', message })
const refuse = (sqlstate: string, message: string, hint: string): HandshakeError =>
  new HandshakeError({ sqlstate, message, hint })
