import { BACKEND, type BackendName } from '../tags.ts'

/** What a server has been asked and owes an answer to: the message at the head of the line. */
export type Awaiting =
  /** Nothing: only what a server may say at any time. */
  | 'nothing'
  | 'parse'
  | 'bind'
  | 'close'
  | 'describe-statement'
  /** The second half of it, behind ParameterDescription. */
  | 'describe-statement-columns'
  | 'describe-portal'
  | 'execute'
  /** Inside COPY … TO STDOUT. */
  | 'copy-out'
  /** Behind its CopyDone. */
  | 'copy-out-done'
  /** Inside COPY … FROM STDIN. */
  | 'copy-in'
  | 'sync'

/** What an answer means. */
export type ReplyAction =
  /** ParseComplete, BindComplete or CloseComplete: done as asked. */
  | 'confirmed'
  | 'parameters'
  /** RowDescription or NoData. */
  | 'described'
  | 'row'
  | 'completed'
  | 'suspended'
  | 'empty'
  | 'copy-out'
  | 'copy-row'
  | 'copy-end'
  | 'copy-in'
  | 'ready'
  /** May come at any time. */
  | 'notice'
  | 'setting'
  | 'notification'
  | 'error'
  /** Nobody asked for it: both legs are closed. */
  | 'unexpected'

/** PostgreSQL 18 manual, 54.2.7 Asynchronous Operations; an error may answer anything. */
const AT_ANY_TIME: Replies = {
  noticeResponse: 'notice',
  parameterStatus: 'setting',
  notificationResponse: 'notification',
  errorResponse: 'error',
}

type Replies = Readonly<Partial<Record<BackendName, ReplyAction>>>

/**
 * What each of a server's messages means for what it was asked, once a session is open. What isn't named here is
 * unexpected. PostgreSQL 18 manual: 54.2.3 Extended Query, 54.2.6 COPY Operations, 54.2.7 Asynchronous Operations.
 *
 * @example
 * SERVER_REPLIES.bind.bindComplete // 'confirmed'
 */
export const SERVER_REPLIES: Readonly<Record<Awaiting, Replies>> = {
  nothing: AT_ANY_TIME,
  parse: { ...AT_ANY_TIME, parseComplete: 'confirmed' },
  bind: { ...AT_ANY_TIME, bindComplete: 'confirmed' },
  close: { ...AT_ANY_TIME, closeComplete: 'confirmed' },
  'describe-statement': { ...AT_ANY_TIME, parameterDescription: 'parameters' },
  'describe-statement-columns': { ...AT_ANY_TIME, rowDescription: 'described', noData: 'described' },
  'describe-portal': { ...AT_ANY_TIME, rowDescription: 'described', noData: 'described' },
  execute: {
    ...AT_ANY_TIME,
    dataRow: 'row',
    commandComplete: 'completed',
    portalSuspended: 'suspended',
    emptyQueryResponse: 'empty',
    copyOutResponse: 'copy-out',
    copyInResponse: 'copy-in',
  },
  'copy-out': { ...AT_ANY_TIME, copyData: 'copy-row', copyDone: 'copy-end' },
  'copy-out-done': { ...AT_ANY_TIME, commandComplete: 'completed' },
  'copy-in': { ...AT_ANY_TIME, commandComplete: 'completed' },
  sync: { ...AT_ANY_TIME, readyForQuery: 'ready' },
}

/** {@link SERVER_REPLIES} by tag: one array access a message, of which there may be millions a second. */
const ACTIONS = new Map<Awaiting, readonly ReplyAction[]>(
  Object.entries(SERVER_REPLIES).map(([awaiting, replies]) => [awaiting as Awaiting, byTag(replies)]),
)

function byTag(replies: Replies): readonly ReplyAction[] {
  const actions = new Array<ReplyAction>(256).fill('unexpected')
  for (const [name, action] of Object.entries(replies)) actions[BACKEND[name as BackendName]] = action
  return actions
}

/**
 * What a server's message means while `awaiting` is due.
 *
 * @example
 * replyAction('sync', BACKEND.readyForQuery) // 'ready'
 */
export const replyAction = (awaiting: Awaiting, tag: number): ReplyAction =>
  ACTIONS.get(awaiting)?.[tag] ?? 'unexpected'
