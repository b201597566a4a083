import type { Session } from '@querywarden/policy-core'
import { ConversationError } from './conversation-error.ts'
import type { Portal } from './names.ts'

/**
 * The second wall: a portal's columns are checked and its masks prepared before its first row is read. Does nothing
 * while it isn't both cleared and described.
 * @throws {ConversationError} a column would arrive raw; the session ends before that row is sent.
 */
export function revealPortal(session: Session, portal: Portal): void {
  if (portal.cleared === null || portal.columns === null) return
  const revelation = session.reveal(portal.cleared, portal.columns)
  if (revelation.kind === 'clean') {
    portal.mask = revelation.mask
    return
  }
  void session.incident(portal.cleared, revelation.code, revelation.message).catch(() => undefined)
  throw new ConversationError('internal-error', revelation.message)
}
