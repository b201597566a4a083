import { FRONTEND, type FrontendName } from '../tags.ts'

/** Where a client's session stands, from the first ReadyForQuery on. */
export type ClientPhase =
  /** Between batches, or inside one that no Sync has closed yet. */
  | 'open'
  /** An error was reported for the extended protocol: all is skipped up to the next Sync. */
  | 'skipping'
  /** The server takes COPY data. */
  | 'copy-in'

/** What a message means in a phase. */
export type ClientAction =
  /** A batch of its own: a simple Query, which also ends the implicit transaction of the messages ahead of it. */
  | 'query'
  /** Part of a batch, decided when a Sync, a Flush or a Query ends it. */
  | 'collect'
  | 'sync'
  | 'flush'
  /** Not served by this project, and refused like a statement: the session goes on. */
  | 'refuse'
  | 'copy-data'
  | 'copy-done'
  | 'copy-fail'
  /** Read and forgotten, as the server does. */
  | 'ignore'
  | 'terminate'
  /** Has no place here: the session ends. */
  | 'violation'

/**
 * What each of a client's messages means in each phase: PostgreSQL 18 manual, 54.2.2 Simple Query (a Query behind
 * unsynced messages), 54.2.3 Extended Query (skipping to the Sync), 54.2.4 Function Call, 54.2.6 COPY Operations
 * (CopyData that comes too late is dropped; Flush and Sync inside COPY are ignored), and `PostgresMain` and
 * `CopyGetData` of the server's source for what the manual leaves open.
 *
 * @example
 * CLIENT_MESSAGES['copy-in'].sync // 'ignore'
 */
export const CLIENT_MESSAGES: Readonly<Record<ClientPhase, Readonly<Record<FrontendName, ClientAction>>>> = {
  open: {
    query: 'query',
    parse: 'collect',
    bind: 'collect',
    describe: 'collect',
    execute: 'collect',
    close: 'collect',
    flush: 'flush',
    sync: 'sync',
    functionCall: 'refuse',
    copyData: 'ignore',
    copyDone: 'ignore',
    copyFail: 'ignore',
    terminate: 'terminate',
    password: 'violation',
  },
  skipping: {
    query: 'ignore',
    parse: 'ignore',
    bind: 'ignore',
    describe: 'ignore',
    execute: 'ignore',
    close: 'ignore',
    flush: 'ignore',
    sync: 'sync',
    functionCall: 'ignore',
    copyData: 'ignore',
    copyDone: 'ignore',
    copyFail: 'ignore',
    terminate: 'terminate',
    password: 'violation',
  },
  'copy-in': {
    query: 'violation',
    parse: 'violation',
    bind: 'violation',
    describe: 'violation',
    execute: 'violation',
    close: 'violation',
    flush: 'ignore',
    sync: 'ignore',
    functionCall: 'violation',
    copyData: 'copy-data',
    copyDone: 'copy-done',
    copyFail: 'copy-fail',
    terminate: 'violation',
    password: 'violation',
  },
}

/** {@link CLIENT_MESSAGES} by tag: one look-up a message. A byte that is no tag has no action. */
const ACTIONS: Readonly<Record<ClientPhase, ReadonlyMap<number, ClientAction>>> = {
  open: byTag(CLIENT_MESSAGES.open),
  skipping: byTag(CLIENT_MESSAGES.skipping),
  'copy-in': byTag(CLIENT_MESSAGES['copy-in']),
}

function byTag(actions: Readonly<Record<FrontendName, ClientAction>>): ReadonlyMap<number, ClientAction> {
  return new Map(Object.entries(FRONTEND).map(([name, tag]) => [tag, actions[name as FrontendName]]))
}

/**
 * What a client's message means in a phase. A byte that starts no message is a violation.
 *
 * @example
 * switch (clientAction('open', frame.tag)) { … }
 */
export const clientAction = (phase: ClientPhase, tag: number): ClientAction => ACTIONS[phase].get(tag) ?? 'violation'
