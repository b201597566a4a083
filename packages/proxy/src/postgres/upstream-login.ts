import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import {
  BACKEND,
  BACKEND_TAGS,
  decodeBackendKeyData,
  decodeParameterStatus,
  decodeReadyForQuery,
  encodeStartup,
  FrameBuffer,
  FrameError,
} from '@querywarden/wire/postgres'
import type { ReachedTarget } from '../config/config.ts'
import { Link } from '../link.ts'
import { after } from '../timer.ts'
import { channelBinding } from './channel-binding.ts'
import { connectTarget } from './connect-target.ts'
import { authenticate, nextFrame, outOfTurn } from './upstream-authentication.ts'
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

/** Protocol 3.2: what PostgreSQL 18 speaks, with cancel keys of 32 bytes. Older ones talk it down to 3.0. */
const MINOR = 2
/** Before a database has proved itself it may make the gateway hold no more than this. libpq allows 30 000 bytes. */
const LOGIN_FRAME_BYTES_MAX = 65_536
/** Messages between AuthenticationOk and ReadyForQuery: PostgreSQL 18 sends some twenty. */
const GREETINGS_MAX = 1_000

interface LoginLimits {
  readonly frameBytesMax: number
  readonly timeoutMs: number
}

/**
 * Logs in with the credential that only the gateway holds, and checks that the server reads text as the classifier does.
 * @throws {UpstreamError}
 */
export async function logInUpstream(
  target: ReachedTarget,
  password: string | null,
  settings: ReadonlyMap<string, string>,
  limits: LoginLimits,
): Promise<Upstream> {
  const deadline = new AbortController()
  const callOff = after(limits.timeoutMs, () => deadline.abort())
  const attempt = (minor: number): Promise<Upstream> =>
    attemptLogin({ target, password, settings, limits, minor, signal: deadline.signal })
  try {
    return await attempt(MINOR).catch((error: unknown) => {
      // Some poolers close on a version that they don't know, where servers talk it down. Nothing is lost with 3.0 but
      // the longer key.
      if (error instanceof UpstreamError && error.code === 'VERSION') return attempt(0)
      throw error
    })
  } finally {
    callOff()
  }
}

async function attemptLogin(options: {
  readonly target: ReachedTarget
  readonly password: string | null
  readonly settings: ReadonlyMap<string, string>
  readonly limits: LoginLimits
  readonly minor: number
  readonly signal: AbortSignal
}): Promise<Upstream> {
  const { target, password, settings, limits, signal } = options
  const socket = await connectTarget(target, signal)
  try {
    signal.addEventListener('abort', () => socket.destroy())
    const frames = new FrameBuffer({ frameBytesMax: LOGIN_FRAME_BYTES_MAX, tags: BACKEND_TAGS })
    const link = new Link(socket, frames, { bufferedBytesMax: limits.frameBytesMax })
    link.write(encodeStartup(startUpParameters(target, settings), { minor: options.minor }))
    const credential = { password, allowed: target.loginMethods, binding: bindingOf(socket) }
    const minor = await authenticate(link, options.minor, credential)
    const upstream = await ready(link, minor)
    // Not by entering a phase: a notice may have come behind ReadyForQuery.
    frames.expect({ frameBytesMax: limits.frameBytesMax, tags: BACKEND_TAGS })
    return upstream
  } catch (error) {
    socket.destroy()
    throw error instanceof FrameError
      ? new UpstreamError('PROTOCOL', `the database broke the protocol during login: ${error.message}`)
      : error
  }
}

/** Built anew: nothing of the client's own packet goes upstream. */
function startUpParameters(target: ReachedTarget, settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
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

const bindingOf = (socket: Socket | TLSSocket): Uint8Array | null => {
  if (!('getPeerX509Certificate' in socket)) return null
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate()
  return certificate === undefined ? null : channelBinding(certificate.raw)
}

async function ready(link: Link, minor: number): Promise<Upstream> {
  const parameters = new Map<string, string>()
  let key: { readonly processId: number; readonly secretKey: Uint8Array } | null = null
  for (let messages = 0; ; messages++) {
    const frame = await nextFrame(link, 0)
    if (messages >= GREETINGS_MAX) throw outOfTurn()
    if (frame.tag === BACKEND.parameterStatus) {
      const { name, value } = decodeParameterStatus(frame.body)
      parameters.set(name, value)
    } else if (frame.tag === BACKEND.backendKeyData && key === null) {
      key = decodeBackendKeyData(frame.body, { minor })
    } else if (frame.tag === BACKEND.readyForQuery) {
      if (decodeReadyForQuery(frame.body).status !== 'idle') throw outOfTurn()
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

const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`
