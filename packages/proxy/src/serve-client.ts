import type { Socket } from 'node:net'
import { IdentityError } from '@querywarden/identity'
import { identityKey, type Principal } from '@querywarden/policy-core'
import { FrameError } from '@querywarden/wire/postgres'
import type { Leave } from './admission.ts'
import { converse } from './converse.ts'
import { lastWords } from './link.ts'
import type { Log } from './log.ts'
import { checkOpen, noPlace } from './no-place.ts'
import { fatalResponse } from './postgres/error-response.ts'
import { type Arrival, type Login, refuseHandshake, shakeHands } from './postgres/handshake.ts'
import { HandshakeError, refuse } from './postgres/handshake-error.ts'
import { UpstreamError } from './postgres/upstream-error.ts'
import type { Service, Serving } from './service.ts'
import { after } from './timer.ts'
import { within } from './workers/within.ts'

/** Whoever looks whether the port is open goes at once. */
const LOOK_MS_MAX = 1_000

/** What a client is left of the time for its login to read why there is no session. */
const ANSWER_MS = 500

/** Serves one connection from its first byte to its last. Never throws. */
export async function serveClient(raw: Socket, serving: Serving): Promise<void> {
  // Between two owners of the socket a reset would otherwise be nobody's, and end the whole gateway (threats E12).
  raw.on('error', () => undefined)
  const { admission, limits, log, onRefused, clientTls, clock } = serving
  const address = raw.remoteAddress ?? ''
  const cameAtMs = clock.monotonic()
  let isCutOff = false
  const cutOff = (): void => {
    isCutOff = true
    raw.destroy()
  }
  const greeting = admission.greet({ address, isSilent: () => raw.bytesRead === 0, drop: cutOff })
  if (greeting.kind === 'refused') {
    onRefused('53300')
    turnAway(raw)
    return
  }
  const stopClock = after(limits.loginMsMax, cutOff)
  const callOff = (): void => {
    stopClock()
    greeting.leave()
  }
  let socket = raw
  try {
    const arrival = await shakeHands(raw, {
      tls: clientTls,
      onSecured: secured => {
        socket = secured
      },
      admit: () => checkOpen(serving),
    })
    if (arrival.kind === 'cancel') {
      greeting.forgive()
      await cancel(arrival, address, serving)
      lastWords(socket)
      return
    }
    const answerByMs = cameAtMs + limits.loginMsMax - ANSWER_MS
    await serveLogin({ login: arrival, socket, serving, callOff, forgive: greeting.forgive, answerByMs })
  } catch (error) {
    const refusal = asHandshakeError(error, log)
    log.info({ error: refusal }, 'login refused')
    onRefused(refusal.report?.sqlstate ?? null)
    // Whoever only looks whether the port is open, as a balancer does, has tried nothing. Who stays has: a place.
    const isLook = raw.bytesRead === 0 && !isCutOff && clock.monotonic() - cameAtMs < LOOK_MS_MAX
    if (isLook) greeting.forgive()
    refuseHandshake(socket, refusal)
  } finally {
    callOff()
  }
}

/** Says why, and closes at once: a crowd at the door may not cost a timer each (threats F29). */
function turnAway(raw: Socket): void {
  raw.end(fatalResponse(TOO_MANY), () => raw.destroy())
}

const TOO_MANY = {
  sqlstate: '53300',
  message: 'too many connections that have not logged in, or too many failed logins from this address',
  hint: 'try again in a minute',
} as const

async function cancel(request: Extract<Arrival, { kind: 'cancel' }>, address: string, serving: Serving): Promise<void> {
  const forgive = serving.admission.cancel(address)
  if (forgive === null) {
    serving.log.warn({ client: address }, 'cancel requests of this address are not looked at: too many had a wrong key')
    return
  }
  if (await serving.cancelKeys.redeem(request)) forgive()
}

interface Knocking {
  readonly login: Login
  readonly socket: Socket
  readonly serving: Serving
  readonly callOff: Leave
  readonly forgive: () => void
  /** When a database that says nothing is given up, so that the client is told before its own time is over. */
  readonly answerByMs: number
}

async function serveLogin({ login, socket, serving, callOff, forgive, answerByMs }: Knocking): Promise<void> {
  const principal = await identify(login, socket, serving)
  const target = serving.targets.get(login.request.target)
  if (target === undefined) {
    throw refuse(
      '3D000',
      'there is no target of this name',
      `the database name picks the target; there are: ${[...serving.targets.keys()].join(', ')}`,
    )
  }
  // Only who is known takes a place, and takes it before anything else is waited for.
  const seat = await serving.seat(identityKey(principal))
  if (seat.kind === 'refused') throw noPlace(serving, seat.why)
  forgive()
  const loggedIn = target.logIn(login.request.settings)
  try {
    const upstream = await within(answerByMs - serving.clock.monotonic(), loggedIn)
    if (upstream === null) throw new UpstreamError('UNREACHABLE', 'the database did not take the login in time')
    await converse({ login, socket, serving, principal, target, upstream, callOff })
  } finally {
    // One that comes late is nobody's, and has its place until then.
    void loggedIn
      .then(
        ({ link }) => link.socket.destroy(),
        () => undefined,
      )
      .finally(seat.leave)
  }
}

async function identify({ token }: Login, socket: Socket, { verify, clock }: Service): Promise<Principal> {
  try {
    return await verify({ kind: 'bearer', token, remoteAddress: socket.remoteAddress ?? '' }, clock.now())
  } catch (error) {
    if (!(error instanceof IdentityError)) throw error
    throw new HandshakeError({
      sqlstate: '28000',
      message: `login refused: ${error.message}`,
      hint: 'send a fresh token as the password',
      detail: JSON.stringify({ querywarden: 1, code: error.code }),
    })
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
