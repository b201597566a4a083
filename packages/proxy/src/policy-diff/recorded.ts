import type { Identity, Principal } from '@querywarden/policy-core'
import type { RecordedEvent } from '@querywarden/recording'
import { eventsOf, listSessions, type RecordingsOptions } from '../commands/recordings.ts'
import { type Corpus, type DiffedStatement, leaveOut } from './corpus.ts'

/**
 * The statements of a target's recorded sessions, each by whoever sent it. Statements whose literals weren't kept are left
 * out and counted: what stands in their place in a recording is no text that could be judged.
 */
export function readRecorded(options: RecordingsOptions, target: string): Corpus {
  const leftOut = new Map<string, number>()
  return { statements: statementsOf(options, target, leftOut), leftOut }
}

async function* statementsOf(
  options: RecordingsOptions,
  target: string,
  leftOut: Map<string, number>,
): AsyncGenerator<DiffedStatement, void, undefined> {
  for (const { recording, file, header } of await listSessions(options.dir)) {
    if (header !== null && header.target.name !== target) leaveOut(leftOut, 'a session on another target')
    else if (file === null) leaveOut(leftOut, 'a session whose recording is gone')
    else yield* sessionOf(recording, eventsOf(options, file), leftOut)
  }
}

async function* sessionOf(
  recording: string,
  events: AsyncIterable<RecordedEvent>,
  leftOut: Map<string, number>,
): AsyncGenerator<DiffedStatement, void, undefined> {
  let principal: Principal | null = null
  for await (const event of events) {
    if (event.kind === 'opened') principal = principalOf(event.header.requester, event.groups, event.actor)
    if (event.kind === 'broken-off') leaveOut(leftOut, 'the rest of a session whose recording breaks off')
    if (event.kind !== 'intent' && event.kind !== 'refused') continue
    const { sql, statement } = event
    if (sql.secret) leaveOut(leftOut, 'a statement that may hold a secret: its literals were not recorded')
    else if (sql.text === null) leaveOut(leftOut, 'a statement whose literals are not there any more')
    // An EXECUTE is recorded as what it ran, so each statement stands by itself.
    else
      yield {
        id: `${recording}#${statement}`,
        script: { pre: [], sql: [sql.text], inTransaction: false },
        principal,
      }
  }
}

const principalOf = (
  requester: Pick<Identity, 'issuer' | 'subject'>,
  groups: readonly string[],
  actor: Identity | null,
): Principal => ({
  issuer: requester.issuer,
  subject: requester.subject,
  groups,
  actor,
  expiresAt: Number.POSITIVE_INFINITY,
  credentialDigest: null,
})
