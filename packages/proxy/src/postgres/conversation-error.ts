import type { CloseReason } from '@querywarden/policy-core'
import { FrameError } from '@querywarden/wire/postgres'

/** The conversation can't go on: both legs are closed (threats F17). */
export class ConversationError extends Error {
  override readonly name = 'ConversationError'
  readonly reason: CloseReason
  readonly sqlstate: string

  constructor(reason: CloseReason, message: string, sqlstate: string = SQLSTATE_OF[reason]) {
    super(message)
    this.reason = reason
    this.sqlstate = sqlstate
  }
}

/** What a peer's broken message makes of the session. `whose` begins the sentence: `the database`. */
export function asConversationError(error: unknown, whose: string, reason: CloseReason): ConversationError {
  if (error instanceof ConversationError) return error
  if (!(error instanceof FrameError)) return new ConversationError('internal-error', 'a part of the gateway failed')
  return error.code === 'TOO_LARGE'
    ? new ConversationError(reason, `${whose} sent too large a message: ${error.message}`, '54000')
    : new ConversationError(reason, `${whose} broke the protocol: ${error.message}`)
}

export const recorderFailed = (): ConversationError =>
  new ConversationError('recorder-failed', 'the recording of this session can not be written')

/** Ends the session over a message of the database that nothing asked for. */
export const desync = (tag: number): never => {
  throw new ConversationError('upstream-lost', `the database sent message ${tag} where none like it was due`)
}

const SQLSTATE_OF: Readonly<Record<CloseReason, string>> = {
  'client-left': '08006',
  'client-terminated': '08006',
  'credential-expired': '57P01',
  idle: '57P05',
  'lifetime-over': '57P01',
  'upstream-lost': '08006',
  'protocol-violation': '08P01',
  shutdown: '57P01',
  'recorder-failed': '58000',
  'internal-error': 'XX000',
}
