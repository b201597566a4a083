import { randomBytes } from 'node:crypto'
import {
  type Authentication,
  BACKEND,
  decodeAuthentication,
  decodeErrorResponse,
  decodeNegotiateProtocolVersion,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  type Frame,
} from '@querywarden/wire/postgres'
import type { LoginMethod } from '../config/config.ts'
import type { Link } from '../link.ts'
import { scramClient } from './scram.ts'
import { UpstreamError } from './upstream-error.ts'

/** What the gateway proves itself with, and what it asks of the database. */
export interface Credential {
  /** Null for a target without one, which the database must let in by itself. */
  readonly password: string | null
  readonly allowed: readonly LoginMethod[]
  readonly binding: Uint8Array | null
}

/**
 * Takes a login from the start-up packet, which has been sent, to AuthenticationOk. Gives the minor version of protocol
 * 3 that both sides speak from now on.
 * @throws {UpstreamError} `VERSION` if the database refuses the version that was asked for.
 */
export async function authenticate(link: Link, minorMax: number, credential: Credential): Promise<number> {
  const first = await nextFrame(link, minorMax)
  if (first.tag !== BACKEND.negotiateProtocolVersion) {
    await prove(link, requestOf(first), credential)
    return minorMax
  }
  const { newestMinor, unrecognized } = decodeNegotiateProtocolVersion(first.body)
  // An answer to what was never asked, and one that asks for more than was offered, are nobody's.
  if (newestMinor >= minorMax || unrecognized.length > 0) throw outOfTurn()
  await prove(link, await nextRequest(link), credential)
  return newestMinor
}

/** One straight line: a database that asks again, or in another order, starts no second round of a costly proof. */
async function prove(link: Link, request: Authentication, { password, allowed, binding }: Credential): Promise<void> {
  if (request.kind === 'ok') {
    if (password === null) return
    throw refused("the database let the gateway in without proving that it knows the gateway's password")
  }
  if (request.kind === 'sasl-continue' || request.kind === 'sasl-final') throw outOfTurn()
  if (request.kind !== 'sasl')
    throw refused('the database asks for a login weaker than SCRAM-SHA-256, which the gateway refuses')
  if (password === null) throw refused('the database asks for a password, and the target has none')

  const nonce = randomBytes(18).toString('base64')
  const scram = scramClient({ password, nonce, offered: request.mechanisms, allowed, binding })
  link.write(encodeSaslInitialResponse({ mechanism: scram.mechanism, response: scram.first() }))
  const challenge = await nextRequest(link)
  if (challenge.kind !== 'sasl-continue') throw notProved(challenge)
  link.write(encodeSaslResponse({ data: await scram.answer(challenge.data) }))
  const final = await nextRequest(link)
  if (final.kind !== 'sasl-final') throw notProved(final)
  scram.verify(final.data)
  if ((await nextRequest(link)).kind !== 'ok') throw outOfTurn()
}

const notProved = ({ kind }: Authentication): UpstreamError =>
  kind === 'ok'
    ? refused("the database let the gateway in without proving that it knows the gateway's password")
    : outOfTurn()

const nextRequest = async (link: Link): Promise<Authentication> => requestOf(await nextFrame(link, 0))

function requestOf(frame: Frame): Authentication {
  if (frame.tag !== BACKEND.authentication) throw outOfTurn()
  return decodeAuthentication(frame.body)
}

/**
 * The database's next message of its login.
 * @param minorAsked - More than 0 where an error can mean that the database doesn't know this version of the protocol.
 * @throws {UpstreamError} it closes, or refuses. Of its own words no more than the SQLSTATE is told: they can name
 * accounts and addresses.
 */
export async function nextFrame(link: Link, minorAsked: number): Promise<Frame> {
  const frame = await link.read()
  if (frame === null) throw new UpstreamError('UNREACHABLE', 'the database closed the connection during login')
  if (frame.tag !== BACKEND.errorResponse) return frame
  const sqlstate = /^[0-9A-Z]{5}$/.exec(decodeErrorResponse(frame.body).fields.get('C') ?? '')?.[0] ?? 'none'
  if (minorAsked > 0 && VERSION_REFUSALS.has(sqlstate))
    throw new UpstreamError('VERSION', `the database refused protocol 3.${minorAsked} (SQLSTATE ${sqlstate})`)
  if (sqlstate.startsWith('28'))
    throw refused(`the database refused the gateway's own credential (SQLSTATE ${sqlstate})`)
  throw new UpstreamError('REFUSED', `the database refused the connection (SQLSTATE ${sqlstate})`)
}

/** feature_not_supported and protocol_violation: what servers and poolers say to a version that they don't know. */
const VERSION_REFUSALS: ReadonlySet<string> = new Set(['0A000', '08P01'])

export const outOfTurn = (): UpstreamError =>
  new UpstreamError('PROTOCOL', 'the database sent a message out of turn during login')

const refused = (message: string): UpstreamError => new UpstreamError('AUTHENTICATION', message)
