import type { Session } from '@querywarden/policy-core'
import { BACKEND, decodeRowDescription, type FrameScanner } from '@querywarden/wire/postgres'
import { ConversationError } from './conversation-error.ts'
import type { Portal } from './portal.ts'
import type { Described, PreparedStatement, Revealed } from './prepared-statement.ts'

/**
 * Takes a server's description of a portal, RowDescription or NoData.
 * @throws {ConversationError} a column would arrive raw; the session ends before its first row is sent.
 * @throws {FrameError} the description is malformed
 */
export function describePortal(session: Session, portal: Portal, tag: number, { body }: FrameScanner): void {
  portal.columns = tag === BACKEND.noData ? [] : columnsOf(portal.subject, body)
  revealPortal(session, portal)
}

const REMEMBERED_BYTES_MAX = 1_024

/** A statement that is executed again is mostly described by the same bytes again. */
function columnsOf(statement: PreparedStatement, body: Uint8Array): Described['columns'] {
  const { described } = statement
  if (described !== null && Buffer.compare(described.bytes, body) === 0) return described.columns
  const columns = decodeRowDescription(body).fields
  // Kept for as long as the statement is, of which there may be thousands.
  if (body.length <= REMEMBERED_BYTES_MAX) statement.described = { bytes: body.slice(), columns }
  return columns
}

/**
 * The second wall: a portal's columns are checked and its masks prepared before its first row is read. Does nothing
 * while it isn't both cleared and described.
 * @throws {ConversationError} a column would arrive raw; the session ends before that row is sent.
 */
export function revealPortal(session: Session, portal: Portal): void {
  const {
    run: { cleared },
    columns,
    subject,
  } = portal
  if (cleared === null || columns === null) return
  const { revealed } = subject
  if (revealed !== null && isSame(revealed, portal)) {
    portal.mask = revealed.mask
    return
  }
  const revelation = session.reveal(cleared, columns)
  if (revelation.kind === 'clean') {
    portal.mask = revelation.mask
    const { facts, obligations } = cleared
    if (portal.statement.described?.columns === columns)
      subject.revealed = { facts, obligations, columns, mask: revelation.mask }
    return
  }
  void session.incident(cleared, revelation.code, revelation.message).catch(() => undefined)
  throw new ConversationError('internal-error', revelation.message)
}

/** Nothing but facts, obligations and columns goes into the answer, and all three are the very same objects. */
const isSame = ({ facts, obligations, columns }: Revealed, portal: Portal): boolean =>
  facts === portal.run.cleared?.facts && obligations === portal.run.cleared.obligations && columns === portal.columns
