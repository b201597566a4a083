import type { Identity, Principal } from '@querywarden/policy-core'
import { identityMatcher, type RecordedEvent, type RecordingHeader, readRecording } from '@querywarden/recording'
import { accessLog, keyOf, type ReadingOptions, whoReads } from '../commands/reading.ts'
import { listSessions } from '../commands/recordings.ts'
import { type Corpus, type DiffedStatement, leaveOut } from './corpus.ts'

/** Which of the recorded statements. */
export interface RecordedChoice {
  readonly target: string
  /** Milliseconds since 1970; null for from the first on. */
  readonly since: number | null
  /** A pattern for whoever asked, or for the agent that acted for them; null for everybody. */
  readonly who: string | null
}

/**
 * The statements of a target's recorded sessions, each by whoever sent it. Statements whose literals weren't kept are left
 * out and counted: what stands in their place in a recording is no text that could be judged. That they are read is noted
 * down first.
 */
export function readRecorded(options: ReadingOptions, choice: RecordedChoice): Corpus {
  const leftOut = new Map<string, number>()
  return { statements: statementsOf(options, choice, leftOut), leftOut }
}

async function* statementsOf(
  options: ReadingOptions,
  choice: RecordedChoice,
  leftOut: Map<string, number>,
): AsyncGenerator<DiffedStatement, void, undefined> {
  const sessions = await listSessions(options.dir)
  const isWanted = requesterFilter(choice)
  const kek = keyOf(options)
  const [who, detail] = [whoReads(options), detailOf(choice)]
  const log = await accessLog(options.dir, kek, { kind: 'access', who, action: 'diff', recording: null, detail })
  try {
    for (const { recording, file, header } of sessions) {
      if (header !== null && header.target.name !== choice.target) leaveOut(leftOut, 'a session on another target')
      else if (file === null) leaveOut(leftOut, 'a session whose recording is gone')
      else if (header === null || isWanted(header))
        yield* sessionOf(recording, readRecording(file, { kek }), { choice, leftOut })
    }
  } finally {
    await log.close()
  }
}

const detailOf = ({ target, since, who }: RecordedChoice): string =>
  `target ${target}${since === null ? '' : ` since ${new Date(since).toISOString()}`}${who === null ? '' : ` who ${who}`}`

function requesterFilter({ who }: RecordedChoice): (header: RecordingHeader) => boolean {
  if (who === null) return () => true
  const matches = identityMatcher(who)
  return ({ requester, actor }) => matches(requester) || (actor !== null && matches(actor))
}

async function* sessionOf(
  recording: string,
  events: AsyncIterable<RecordedEvent>,
  { choice, leftOut }: { readonly choice: RecordedChoice; readonly leftOut: Map<string, number> },
): AsyncGenerator<DiffedStatement, void, undefined> {
  let principal: Principal | null = null
  for await (const event of events) {
    if (event.kind === 'opened') principal = principalOf(event)
    if (event.kind === 'broken-off') leaveOut(leftOut, 'the rest of a session whose recording breaks off')
    if (event.kind !== 'intent' && event.kind !== 'refused') continue
    const { sql, statement } = event
    if (choice.since !== null && event.at < choice.since) continue
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

/** With the claims that were recorded: rules may ask for them. */
function principalOf(event: Extract<RecordedEvent, { kind: 'opened' }>): Principal {
  const { requester } = event.header
  return {
    issuer: requester.issuer,
    subject: requester.subject,
    groups: event.groups,
    claims: event.claims,
    actor: actorOf(event.actor, event.actorClaims),
    expiresAt: Number.POSITIVE_INFINITY,
    credentialDigest: null,
  }
}

const actorOf = (actor: Identity | null, claims: Principal['claims']): Identity | null =>
  actor === null || claims === undefined ? actor : { ...actor, claims }
