import type { Cleared, FramesRevelation, RawRevelation, Session } from '@querywarden/policy-core'
import { BACKEND, decodeRowDescription, type FrameScanner } from '@querywarden/wire/postgres'
import { ConversationError } from './conversation-error.ts'
import type { Portal, RowMask } from './portal.ts'
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
  const revelation = session.revealFrames(cleared, columns)
  if (revelation.kind === 'raw') endRaw(session, cleared, revelation)
  const mask = maskOf(revelation)
  portal.mask = mask
  const { facts, obligations, maskedColumns } = cleared
  if (portal.statement.described?.columns === columns)
    subject.revealed = { facts, obligations, maskedColumns, columns, mask }
}

/** Records that a value would have arrived raw, and ends the session over it. */
export function endRaw(session: Session, cleared: Cleared, { code, message }: RawRevelation): never {
  void session.incident(cleared, code, message).catch(() => undefined)
  throw new ConversationError('internal-error', message)
}

const maskOf = ({
  mask,
  frames,
}: Pick<Extract<FramesRevelation, { kind: 'clean' }>, 'mask' | 'frames'>): RowMask | null =>
  frames !== null ? { kind: 'frames', mask: frames } : mask === null ? null : { kind: 'cells', mask }

/** Nothing but these goes into the answer, and all are the very same objects. */
const isSame = (
  { facts, obligations, maskedColumns, columns }: Revealed,
  { run: { cleared }, columns: now }: Portal,
): boolean =>
  facts === cleared?.facts &&
  obligations === cleared.obligations &&
  maskedColumns === cleared.maskedColumns &&
  columns === now
