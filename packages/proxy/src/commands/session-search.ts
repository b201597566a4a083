import { randomBytes } from 'node:crypto'
import {
  asksForContents,
  type FoundRecording,
  type RecordingQuery,
  type RecordingSummary,
  rebuildIndex,
  type SearchResult,
  searchRecordings,
  sessionMatcher,
  visible,
} from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { existingDir, noted, type ReadingOptions, timeOption } from './reading.ts'
import { listSessions } from './recordings.ts'
import { summaryOf } from './sessions.ts'
import { show, type Terminal, table } from './terminal.ts'

/** What is looked for, as it is typed. */
export interface SearchFilters {
  readonly who?: string
  readonly target?: string
  readonly relation?: string
  readonly effect?: string
  readonly outcome?: string
  readonly approvedBy?: string
  readonly text?: string
  readonly since?: string
  readonly until?: string
}

export interface ListOptions extends ReadingOptions, SearchFilters {
  readonly values?: boolean
  readonly limit: string
}

/** Recorded sessions; with filters, those that have what is asked for. */
export async function sessionsList(terminal: Terminal, options: ListOptions): Promise<number> {
  const query = queryOf(options)
  const limit = limitOf(options.limit)
  if (options.values === true && query.text === null) throw new CommandError(EXIT.misuse, '--values needs --text')
  return asksForContents(query)
    ? listFound(terminal, options, query, limit)
    : listHeaders(terminal, options, query, limit)
}

/** What headers and logs tell: needs no key, and opens nothing. */
async function listHeaders(
  terminal: Terminal,
  { dir }: ListOptions,
  query: RecordingQuery,
  limit: number,
): Promise<number> {
  const matches = sessionMatcher(query, 'session')
  const isAll = Object.values(query).every(asked => asked === null)
  const recordings = (await listSessions(dir)).filter(one => isAll || headerMatches(one, matches)).slice(-limit)
  show(terminal, recordings.map(summaryOf), all =>
    all.length === 0
      ? [isAll ? `no recordings in ${dir}` : `no recording in ${dir} is like that`]
      : table(
          ['RECORDING', 'OPENED', 'WHO', 'TARGET', 'STATE'],
          all.map(one => [one.recording, one.opened, visible(one.who), visible(one.target), one.state]),
        ),
  )
  return EXIT.ok
}

export const headerMatches = ({ header }: RecordingSummary, matches: ReturnType<typeof sessionMatcher>): boolean =>
  header !== null &&
  matches({
    session: header.session,
    requester: header.requester,
    actor: header.actor,
    target: header.target.name,
    openedAt: header.createdAt,
  })

async function listFound(
  terminal: Terminal,
  options: ListOptions,
  query: RecordingQuery,
  limit: number,
): Promise<number> {
  const purpose = { action: 'search', recording: null, detail: detailOf(options) } as const
  const { found, unread } = await noted(options, purpose, kek =>
    searchRecordings(options.dir, query, { kek, randomBytes, values: options.values === true, limit }),
  )
  show(terminal, { found: found.map(foundOf), unread }, () =>
    found.length === 0
      ? [`no recording in ${options.dir} is like that`]
      : table(
          ['RECORDING', 'OPENED', 'WHO', 'TARGET', 'MATCHES', 'FIRST'],
          found.map(one => [
            one.recording,
            new Date(one.session.openedAt).toISOString(),
            visible(`${one.session.requester.subject} of ${one.session.requester.issuer}`),
            visible(one.session.target),
            String(one.matches ?? ''),
            firstOf(one),
          ]),
        ),
  )
  return toldUnread(terminal, unread)
}

const foundOf = ({ recording, file, session, matches, statements }: FoundRecording) => ({
  recording,
  ...session,
  openedAt: new Date(session.openedAt).toISOString(),
  file,
  matches,
  statements,
})

const FIRST_CHARS_MAX = 60

function firstOf({ statements: [first] }: FoundRecording): string {
  if (first === undefined) return ''
  const sql = visible(first.sql)
  return `#${first.statement} ${first.outcome}: ${sql.length > FIRST_CHARS_MAX ? `${sql.slice(0, FIRST_CHARS_MAX)}…` : sql}`
}

/** What nobody could look into is a finding: what was looked for may be in there. */
function toldUnread(terminal: Terminal, unread: SearchResult['unread']): number {
  for (const { recording, why } of unread) terminal.note(`not read: ${recording}: ${why}`)
  return unread.length === 0 ? EXIT.ok : EXIT.finding
}

/** Throws the search index away, and makes it anew from the recordings. */
export async function sessionsIndex(
  terminal: Terminal,
  options: ReadingOptions & { readonly rebuild?: boolean },
): Promise<number> {
  if (options.rebuild !== true) {
    throw new CommandError(EXIT.misuse, 'searching makes the index as it goes along; to make it anew add --rebuild')
  }
  existingDir(options.dir)
  const began = performance.now()
  const purpose = { action: 'search', recording: null, detail: 'index --rebuild' } as const
  const { read, unread } = await noted(options, purpose, kek => rebuildIndex(options.dir, { kek, randomBytes }))
  const seconds = Math.round(performance.now() - began) / 1_000
  show(terminal, { recordings: read, unread, seconds }, () => [`${read} recordings read in ${seconds} s`])
  return toldUnread(terminal, unread)
}

/** @throws {CommandError} a time is none. */
export const queryOf = (filters: SearchFilters): RecordingQuery => ({
  who: filters.who ?? null,
  target: filters.target ?? null,
  relation: filters.relation ?? null,
  effect: filters.effect ?? null,
  outcome: filters.outcome ?? null,
  approvedBy: filters.approvedBy ?? null,
  text: filters.text ?? null,
  since: timeOption('--since', filters.since),
  until: timeOption('--until', filters.until),
})

function limitOf(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1) return limit
  throw new CommandError(EXIT.misuse, '--limit is none; expected a whole number from 1 on')
}

const NOTED_FILTERS = ['who', 'target', 'relation', 'effect', 'outcome', 'approvedBy', 'since', 'until'] as const

/** What was looked for; not the text, which may be a value itself. */
export const detailOf = (filters: SearchFilters & { readonly values?: boolean }): string =>
  [
    ...NOTED_FILTERS.flatMap(name => (filters[name] === undefined ? [] : [`${name} ${filters[name]}`])),
    ...(filters.text === undefined ? [] : [`a text of ${filters.text.length} characters`]),
    ...(filters.values === true ? ['with values'] : []),
  ].join(', ')
