import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { IdentityError } from '@querywarden/identity'
import type { Clock, CloseReason, Gate, Principal, Session, Verifier } from '@querywarden/policy-core'
import {
  encodeAuthentication,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
  FRONTEND_LIMITS,
  FrameBuffer,
  FrameError,
} from '@querywarden/wire/postgres'
import type { Admission } from './admission.ts'
import type { ProxyLimits } from './config/config.ts'
import { lastWords } from './link.ts'
import type { Log } from './log.ts'
import type { CancelKey, CancelKeys } from './postgres/cancel-keys.ts'
import { Conversation } from './postgres/conversation.ts'
import { type Arrival, HandshakeError, refuseHandshake, shakeHands } from './postgres/handshake.ts'
import { isReported } from './postgres/reported.ts'
import type { SplitText } from './postgres/split-text.ts'
import { cancelUpstream } from './postgres/upstream-cancel.ts'
import { UpstreamError } from './postgres/upstream-error.ts'
import type { Upstream } from './postgres/upstream-login.ts'
import type { TargetService } from './target-service.ts'
import { after } from './timer.ts'

/** What every connection is served with. */
export interface Service {
  readonly gate: Gate
  readonly verify: Verifier
  readonly targets: ReadonlyMap<string, TargetService>
  /** Splits texts by the grammar of a server major. */
  readonly split: (major: number) => SplitText
  readonly secureContext: SecureContext | null
  readonly cancelKeys: CancelKeys
  readonly clock: Clock
  readonly limits: ProxyLimits
  readonly log: Log
  readonly newId: () => string
  /** Live conversations, to be ended at shutdown. */
  readonly live: Set<Conversation>
  readonly admission: Admission
  /** Told of every connection that did not become a session, with the SQLSTATE that it was given if any. */
  readonly onRefused: (sqlstate: string | null) => void
}

type Login = Extract<Arrival, { kind: 'login' }>

/** Serves one connection from its first byte to its last. Never throws. */
export async function serveClient(raw: Socket, service: Service): Promise<void> {
  // Between two owners of the socket a reset would otherwise be nobody's, and end the whole gateway (threats E12).
  raw.on('error', () => undefined)
  const leave = service.admission.greet()
  if (leave === null) {
    service.onRefused('53300')
    raw.destroy()
    return
  }
  const stopClock = after(service.limits.loginMsMax, () => raw.destroy())
  const callOff = (): void => {
    stopClock()
    leave()
  }
  let socket = raw
  try {
    const arrival = await shakeHands(raw, {
      secureContext: service.secureContext,
      onSecured: secured => {
        socket = secured
      },
    })
    if (arrival.kind === 'cancel') {
      service.cancelKeys.redeem(arrival)
      lastWords(socket)
      return
    }
    await serveLogin(arrival, socket, service, callOff)
  } catch (error) {
    const refusal = asHandshakeError(error, service.log)
    service.log.info({ error: refusal }, 'login refused')
    service.onRefused(refusal.report?.sqlstate ?? null)
    refuseHandshake(socket, refusal)
  } finally {
    callOff()
  }
}

async function serveLogin(login: Login, socket: Socket, service: Service, callOff: () => void): Promise<void> {
  // A token costs more to verify than to turn away, and time is what there is too little of.
  if (service.admission.shedding !== null) throw noPlace(service)
  const principal = await identify(login, socket, service)
  const target = service.targets.get(login.request.target)
  if (target === undefined) {
    throw refuse(
      '3D000',
      'there is no target of this name',
      `the database name picks the target; there are: ${[...service.targets.keys()].join(', ')}`,
    )
  }
  // Only who is known takes a place, and takes it before anything else is waited for.
  const leave = service.admission.seat()
  if (leave === null) throw noPlace(service)
  try {
    const upstream = await target.logIn(login.request.settings)
    try {
      await converse({ login, socket, service, principal, target, upstream, callOff })
    } finally {
      upstream.link.socket.destroy()
    }
  } finally {
    leave()
  }
}

function noPlace({ admission, limits }: Service): HandshakeError {
  if (!admission.isOpen) return refuse('57P03', 'the gateway is shutting down', 'try again shortly')
  const why = admission.shedding ?? `this gateway serves ${limits.sessionsMax} sessions at once, and all are taken`
  return refuse('53300', why, 'try again shortly')
}

async function identify({ token }: Login, socket: Socket, { verify, clock }: Service): Promise<Principal> {
  try {
    return await verify({ kind: 'bearer', token, remoteAddress: socket.remoteAddress ?? '' }, clock.now())
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    throw refuse('28000', `login refused: ${error.message}`, 'send a fresh token as the password', error.code)
  }
}

interface Admitted {
  readonly login: Login
  readonly socket: Socket
  readonly service: Service
  readonly principal: Principal
  readonly target: TargetService
  readonly upstream: Upstream
  readonly callOff: () => void
}

async function converse({ login, socket, service, principal, target, upstream, callOff }: Admitted): Promise<void> {
  const { admission, gate, clock, cancelKeys, live, log, newId } = service
  const { major } = await target.catalog()
  const session = await gate.session({
    id: newId(),
    principal,
    target: target.target,
    client: {
      user: login.request.user,
      application_name: login.request.applicationName,
      address: socket.remoteAddress ?? '',
    },
  })
  // From here to the conversation's place in `live` nothing is waited for, so a stop misses no session.
  if (!admission.isOpen) {
    await close(session, 'shutdown', log)
    throw noPlace(service)
  }
  let reason: CloseReason = 'internal-error'
  let key: CancelKey | null = null
  let conversation: Conversation | null = null
  let stopClock = (): void => undefined
  try {
    conversation = open({ login, service, target, upstream }, session, major)
    const admitted = conversation
    live.add(admitted)
    key = cancelKeys.issue(() => admitted.cancel())
    stopClock = after(principal.expiresAt - clock.now(), () =>
      admitted.end(
        { sqlstate: '57P01', message: 'the token of this session has expired', hint: 'log in with a new token' },
        'credential-expired',
      ),
    )
    welcome(login, upstream, key)
    callOff()
    log.info({ session: session.id, subject: principal.subject, target: target.target.name }, 'session opened')
    reason = await admitted.run()
  } finally {
    stopClock()
    if (key !== null) cancelKeys.revoke(key)
    if (conversation !== null) live.delete(conversation)
    await close(session, reason, log)
    login.link.end()
  }
}

/** Lets the client speak, from login's small messages on to statements. */
function open(
  { login, service, target, upstream }: Pick<Admitted, 'login' | 'service' | 'target' | 'upstream'>,
  session: Session,
  major: number,
): Conversation {
  const { clock, limits } = service
  login.link.enterPhase(new FrameBuffer({ frameBytesMax: limits.frameBytesMax, tags: FRONTEND_LIMITS }), {
    bufferedBytesMax: limits.frameBytesMax,
  })
  return new Conversation({
    session,
    client: login.link,
    upstream,
    split: service.split(major),
    clock,
    cancelUpstream: () => cancelUpstream(target.config, upstream),
    onSchemaChange: () => target.refresh(),
    frameBytesMax: limits.frameBytesMax,
    limits: {
      asksMax: 10_000,
      bytesMax: limits.frameBytesMax,
      statementsMax: 10_000,
      heldBytesMax: 2 * limits.frameBytesMax,
    },
  })
}

/** What the server's own login would have said, less its cancel key. */
function welcome({ link }: Login, upstream: Upstream, key: CancelKey): void {
  const messages = [encodeAuthentication({ kind: 'ok' })]
  for (const [name, value] of upstream.parameters)
    if (isReported({ name, value })) messages.push(encodeParameterStatus({ name, value }))
  messages.push(encodeBackendKeyData(key), encodeReadyForQuery({ status: 'idle' }))
  link.write(Buffer.concat(messages))
}

async function close(session: Session, reason: CloseReason, log: Log): Promise<void> {
  try {
    await session.close(reason)
    log.info({ session: session.id, reason }, 'session closed')
  } catch (error) {
    log.error({ session: session.id, error }, 'recording could not be closed')
  }
}

/** Every failure becomes something the client may read. What wasn't foreseen is logged here and named to nobody. */
function asHandshakeError(error: unknown, log: Log): HandshakeError {
  if (error instanceof HandshakeError) return error
  if (error instanceof FrameError)
    return new HandshakeError({ sqlstate: '08P01', message: `the client broke the protocol: ${error.message}` })
  if (error instanceof UpstreamError) {
    return refuse(
      '08006',
      error.message,
      "the gateway is up; the database behind it is not to be had. Tell the gateway's operator",
    )
  }
  log.error({ error }, 'session could not be opened')
  return refuse(
    '58000',
    'the session can not be opened: a part of the gateway that it needs has failed',
    "tell the gateway's operator",
  )
}

const refuse = (sqlstate: string, message: string, hint: string, code?: string): HandshakeError =>
  new HandshakeError(
    code === undefined
      ? { sqlstate, message, hint }
      : { sqlstate, message, hint, detail: JSON.stringify({ querywarden: 1, code }) },
  )
