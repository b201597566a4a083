import { randomBytes, type X509Certificate } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import {
  BACKEND,
  BACKEND_TAGS,
  decodeAuthentication,
  decodeBackendKeyData,
  decodeErrorResponse,
  decodeParameterStatus,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  encodeSslRequest,
  encodeStartup,
  type Frame,
  FrameBuffer,
} from '@querywarden/wire/postgres'
import type { TargetConfig } from '../config/config.ts'
import { Link } from '../link.ts'
import { after } from '../timer.ts'
import { channelBinding } from './channel-binding.ts'
import { type ScramClient, scramClient } from './scram.ts'
import { UpstreamError } from './upstream-error.ts'

/** A database session of ours, logged in and idle. */
export interface Upstream {
  readonly link: Link
  readonly processId: number
  readonly secretKey: Uint8Array
  /** What the server reported of itself: server_version, TimeZone and so on. */
  readonly parameters: ReadonlyMap<string, string>
}

/** The settings that the classifier's reading of a text depends on. No client can change them. */
export const PINNED: ReadonlyMap<string, string> = new Map([
  ['client_encoding', 'UTF8'],
  ['standard_conforming_strings', 'on'],
])

/** Opens a socket to a target: TCP, then TLS where the target has it. A failure leaves no socket open. */
export async function connectTarget(target: TargetConfig, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({
    ...target.address,
    signal,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    noDelay: true,
  })
  // Between two owners of the socket a reset would otherwise be nobody's, and end the whole gateway (threats E11).
  socket.on('error', () => undefined)
  try {
    await settled(socket, 'connect', 'UNREACHABLE', `target \`${target.name}\` can't be reached`)
    return target.tls.mode === 'off' ? socket : await secure(socket, target, target.tls.ca)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

async function secure(socket: Socket, target: TargetConfig, ca: string | null): Promise<TLSSocket> {
  await requestTls(socket, target.name)
  const secured = connectTls({
    socket,
    host: target.address.host,
    servername: /^[\d.:]+$/.test(target.address.host) ? '' : target.address.host,
    minVersion: 'TLSv1.2',
    ...(ca === null ? {} : { ca }),
  })
  secured.on('error', () => undefined)
  try {
    await settled(secured, 'secureConnect', 'TLS', `TLS to target \`${target.name}\` failed`)
    return secured
  } catch (error) {
    secured.destroy()
    throw error
  }
}

/**
 * Logs in with the credential that only the gateway holds, and checks that the server reads text as the classifier does.
 * @throws {UpstreamError}
 */
export async function logInUpstream(
  target: TargetConfig,
  password: string | null,
  settings: ReadonlyMap<string, string>,
  limits: { readonly frameBytesMax: number; readonly timeoutMs: number },
): Promise<Upstream> {
  const deadline = new AbortController()
  const callOff = after(limits.timeoutMs, () => deadline.abort())
  let socket: Socket | null = null
  try {
    socket = await connectTarget(target, deadline.signal)
    const opened = socket
    deadline.signal.addEventListener('abort', () => opened.destroy())
    const frames = new FrameBuffer({ frameBytesMax: limits.frameBytesMax, tags: BACKEND_TAGS })
    const link = new Link(socket, frames, { bufferedBytesMax: limits.frameBytesMax })
    link.write(encodeStartup(startUpParameters(target, settings)))
    await authenticate(link, password, bindingOf(socket))
    return await ready(link)
  } catch (error) {
    socket?.destroy()
    throw error
  } finally {
    callOff()
  }
}

/** Built anew: nothing of the client's own packet goes upstream. */
function startUpParameters(target: TargetConfig, settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const path = [...target.searchPath.map(quoteIdentifier), 'pg_temp'].join(', ')
  return new Map([
    ['user', target.user],
    ['database', target.database],
    ['application_name', 'querywarden'],
    ...PINNED,
    ['backslash_quote', 'safe_encoding'],
    ['search_path', path],
    ...settings,
  ])
}

async function requestTls(socket: Socket, name: string): Promise<void> {
  socket.write(encodeSslRequest())
  const answer = await new Promise<Buffer>((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('close', () =>
      reject(new UpstreamError('TLS', `target \`${name}\` closed the connection instead of answering the TLS request`)),
    )
  })
  // Anything after the one answering byte was put there before encryption began (CVE-2021-23222).
  if (answer.length !== 1) throw new UpstreamError('TLS', `target \`${name}\` sent data before the TLS handshake`)
  if (answer[0] !== 0x53)
    throw new UpstreamError('TLS', `target \`${name}\` offers no TLS, and its configuration asks for it`)
  socket.removeAllListeners('data')
}

const bindingOf = (socket: Socket | TLSSocket): Uint8Array | null => {
  if (!('getPeerX509Certificate' in socket)) return null
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate()
  return certificate === undefined ? null : channelBinding(certificate.raw)
}

async function authenticate(link: Link, password: string | null, binding: Uint8Array | null): Promise<void> {
  let scram: ScramClient | null = null
  let isProved = false
  for (;;) {
    const request = decodeAuthentication((await expect(link, BACKEND.authentication)).body)
    switch (request.kind) {
      case 'ok':
        if (password !== null && !isProved) {
          throw new UpstreamError(
            'AUTHENTICATION',
            "the database let the gateway in without proving that it knows the gateway's password",
          )
        }
        return
      case 'sasl':
        if (password === null || scram !== null)
          throw new UpstreamError('AUTHENTICATION', 'the database asks for a password, and the target has none')
        scram = scramClient({
          password,
          nonce: randomBytes(18).toString('base64'),
          offered: request.mechanisms,
          binding,
        })
        link.write(encodeSaslInitialResponse({ mechanism: scram.mechanism, response: scram.first() }))
        break
      case 'sasl-continue':
        if (scram === null) throw outOfTurn()
        link.write(encodeSaslResponse({ data: await scram.answer(request.data) }))
        break
      case 'sasl-final':
        if (scram === null) throw outOfTurn()
        scram.verify(request.data)
        isProved = true
        break
      case 'cleartext-password':
      case 'md5-password':
      case 'kerberos-v5':
      case 'gss':
      case 'gss-continue':
      case 'sspi':
      case 'unsupported':
        throw new UpstreamError(
          'AUTHENTICATION',
          'the database asks for a login weaker than SCRAM-SHA-256, which the gateway refuses',
        )
    }
  }
}

async function ready(link: Link): Promise<Upstream> {
  const parameters = new Map<string, string>()
  let key: { readonly processId: number; readonly secretKey: Uint8Array } | null = null
  for (;;) {
    const frame = await nextFrame(link)
    if (frame.tag === BACKEND.parameterStatus) {
      const { name, value } = decodeParameterStatus(frame.body)
      parameters.set(name, value)
    } else if (frame.tag === BACKEND.backendKeyData) {
      key = decodeBackendKeyData(frame.body, { minor: 0 })
    } else if (frame.tag === BACKEND.readyForQuery) {
      break
    } else if (frame.tag !== BACKEND.noticeResponse) {
      throw outOfTurn()
    }
  }
  for (const [name, value] of PINNED) {
    if (parameters.get(name) !== value) {
      throw new UpstreamError(
        'SETTINGS',
        `the database does not hold ${name} at ${value}, on which reading a statement depends`,
      )
    }
  }
  if (key === null) throw outOfTurn()
  return { link, processId: key.processId, secretKey: key.secretKey.slice(), parameters }
}

async function expect(link: Link, tag: number): Promise<Frame> {
  const frame = await nextFrame(link)
  if (frame.tag !== tag) throw outOfTurn()
  return frame
}

async function nextFrame(link: Link): Promise<Frame> {
  const frame = await link.read()
  if (frame === null) throw new UpstreamError('UNREACHABLE', 'the database closed the connection during login')
  if (frame.tag !== BACKEND.errorResponse) return frame
  const { fields } = decodeErrorResponse(frame.body)
  const sqlstate = fields.get('C') ?? 'none'
  const isAuthentication = sqlstate.startsWith('28')
  throw new UpstreamError(
    isAuthentication ? 'AUTHENTICATION' : 'REFUSED',
    isAuthentication
      ? `the database refused the gateway's own credential (SQLSTATE ${sqlstate})`
      : `the database refused the connection (SQLSTATE ${sqlstate})`,
  )
}

const outOfTurn = (): UpstreamError =>
  new UpstreamError('PROTOCOL', 'the database sent a message out of turn during login')

const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

function settled(socket: Socket, event: string, code: UpstreamError['code'], what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error & { readonly code?: string }): void =>
      reject(new UpstreamError(code, `${what} (${error.code ?? error.name})`))
    const onClose = (): void => reject(new UpstreamError(code, `${what} (closed)`))
    socket.once('error', onError)
    socket.once('close', onClose)
    socket.once(event, () => {
      socket.off('error', onError)
      socket.off('close', onClose)
      resolve()
    })
  })
}
