import type { Socket } from 'node:net'
import type { CloseReason, Principal, Session } from '@querywarden/policy-core'
import {
  encodeAuthentication,
  encodeBackendKeyData,
  encodeParameterStatus,
  encodeReadyForQuery,
  FRONTEND_LIMITS,
  FrameBuffer,
} from '@querywarden/wire/postgres'
import type { Leave } from './admission.ts'
import type { ShownCertificate } from './client-tls.ts'
import type { Log } from './log.ts'
import { noPlace } from './no-place.ts'
import type { CancelKey } from './postgres/cancel-keys.ts'
import { Conversation } from './postgres/conversation.ts'
import type { Login } from './postgres/handshake.ts'
import { isReported } from './postgres/reported.ts'
import { sessionFacts } from './postgres/server-facts.ts'
import { SessionPlanner } from './postgres/session-planner.ts'
import { cancelUpstream, mergedCancel } from './postgres/upstream-cancel.ts'
import type { Upstream } from './postgres/upstream-login.ts'
import type { Serving } from './service.ts'
import type { WatchedTarget } from './target-service.ts'
import { after } from './timer.ts'

/** Somebody who is known, has a place, and has a database session of the gateway's account. */
export interface Admitted {
  readonly login: Login
  readonly socket: Socket
  readonly serving: Serving
  readonly principal: Principal
  readonly target: WatchedTarget
  readonly upstream: Upstream
  /** Ends what holds for strangers only: the time for a login, the place among them. */
  readonly callOff: Leave
}

/** Opens the session and its recording, and serves it to its end. */
export async function converse(admitted: Admitted): Promise<void> {
  const { login, socket, serving, principal, target, upstream, callOff } = admitted
  const { admission, gate, cancelKeys, live, planners, idle, log, newId } = serving
  const { major } = await target.catalog()
  const session = await gate.session({
    id: newId(),
    principal,
    target: target.target,
    server: sessionFacts(upstream.parameters, target.serverFacts()),
    client: {
      user: login.request.user,
      application_name: login.request.applicationName,
      address: socket.remoteAddress ?? '',
      ...factsOf(login.certificate),
    },
  })
  // From here to the conversation's place in `live` nothing is waited for, so a stop misses no session.
  if (!admission.isOpen) {
    await close(session, 'shutdown', log)
    throw noPlace(serving, 'closed')
  }
  let reason: CloseReason = 'internal-error'
  let key: CancelKey | null = null
  let conversation: Conversation | null = null
  let stopClock = (): void => undefined
  try {
    const planner = new SessionPlanner(target.estimates, upstream.parameters)
    planners.set(session.id, planner)
    conversation = open(admitted, session, planner, major)
    const opened = conversation
    live.add(opened)
    key = cancelKeys.issue(login.minor, () => opened.cancel())
    stopClock = endInTime(opened, admitted)
    welcome(login, upstream, key)
    callOff()
    idle.add(opened, socket)
    log.info({ session: session.id, subject: principal.subject, target: target.target.name }, 'session opened')
    reason = await opened.run()
  } finally {
    stopClock()
    planners.delete(session.id)
    if (key !== null) cancelKeys.revoke(key)
    if (conversation !== null) {
      live.delete(conversation)
      idle.remove(conversation)
    }
    await close(session, reason, log)
    // Where nothing was opened, the client is still owed a reason.
    if (conversation !== null) login.link.end()
  }
}

/** What is recorded of a certificate that was verified. It names who holds it, and doesn't say who asks: the token does. */
const factsOf = (certificate: ShownCertificate): Readonly<Record<string, string>> =>
  certificate.kind === 'verified' ? { certificate: certificate.subject, certificate_sha256: certificate.sha256 } : {}

/** Ends a session with its token, or when it has been long enough, whichever comes first. */
function endInTime(conversation: Conversation, { principal, serving: { clock, limits } }: Admitted): () => void {
  const tokenMs = principal.expiresAt - clock.now()
  return tokenMs <= limits.sessionMsMax
    ? after(tokenMs, () =>
        conversation.end(
          { sqlstate: '57P01', message: 'the token of this session has expired', hint: 'log in with a new token' },
          'credential-expired',
        ),
      )
    : after(limits.sessionMsMax, () =>
        conversation.end(
          {
            sqlstate: '57P01',
            message: `a session lasts ${limits.sessionMsMax / 1_000} s at most, and this one has`,
            hint: 'log in again',
          },
          'lifetime-over',
        ),
      )
}

/** What a client may have said ahead of the answers that it waits for; one message may be larger (threats O2). */
const WAITING_BYTES_MAX = 1_048_576

/** Lets the client speak, from login's small messages on to statements. */
function open(
  { login, serving, target, upstream }: Admitted,
  session: Session,
  planner: SessionPlanner,
  major: number,
): Conversation {
  const { clock, limits, split } = serving
  login.link.enterPhase(new FrameBuffer({ frameBytesMax: limits.frameBytesMax, tags: FRONTEND_LIMITS }), {
    bufferedBytesMax: WAITING_BYTES_MAX,
  })
  return new Conversation({
    session,
    planner,
    canaries: target.canaries,
    client: login.link,
    upstream,
    split: split(major),
    clock,
    cancelUpstream: mergedCancel(() => cancelUpstream(target.config, upstream)),
    onSchemaChange: () => target.refresh(),
    onMismatch: target.suspect,
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
function welcome({ link, minor }: Login, upstream: Upstream, key: CancelKey): void {
  const messages = [encodeAuthentication({ kind: 'ok' })]
  for (const [name, value] of upstream.parameters)
    if (isReported({ name, value })) messages.push(encodeParameterStatus({ name, value }))
  messages.push(encodeBackendKeyData(key, { minor }), encodeReadyForQuery({ status: 'idle' }))
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
