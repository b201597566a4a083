import {
  type DirectoryVerdict,
  type RecordedEvent,
  type RecordingSummary,
  readRecording,
  visible,
} from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { findSession, noted, type ReadingOptions } from './reading.ts'
import { logLine, verdictLine, verifySessions } from './recordings.ts'
import { show, type Terminal } from './terminal.ts'

/** Who, where, how it ended, and what it did in numbers. */
export async function sessionsShow(terminal: Terminal, id: string, options: ReadingOptions): Promise<number> {
  const found = await findSession(options.dir, id)
  const counts = new Map<string, number>()
  let client: Readonly<Record<string, string>> = {}
  const purpose = { action: 'replay', recording: found.recording, detail: 'show' } as const
  await noted({ ...options, dir: found.dir }, purpose, async kek => {
    for await (const event of readRecording(found.file, { kek, values: 'leave' })) {
      if (event.kind === 'opened') client = event.client
      const what = countedAs(event)
      if (what !== null) counts.set(what, (counts.get(what) ?? 0) + 1)
    }
  })
  const shown = {
    ...summaryOf(found),
    file: found.file,
    client,
    policyVersion: found.header?.policyVersion ?? null,
    counts: Object.fromEntries(counts),
  }
  show(terminal, shown, one => [
    `recording  ${one.recording}`,
    `opened     ${one.opened}`,
    `who        ${one.who}`,
    `target     ${one.target}`,
    `client     ${Object.entries(one.client)
      .map(([name, value]) => visible(`${name}=${value}`))
      .join(' ')}`,
    `policy     ${one.policyVersion ?? 'unknown'}`,
    `state      ${one.state}`,
    `file       ${one.file}`,
    ...[...counts].map(([what, count]) => `${what.padEnd(10)} ${count}`),
  ])
  return EXIT.ok
}

/** 0 only where every verdict is COMPLETE: an open or torn recording is not an answer to an auditor either. */
export async function sessionsVerify(
  terminal: Terminal,
  id: string | undefined,
  options: { readonly dir: string } & { readonly all?: boolean },
): Promise<number> {
  if ((id === undefined) !== (options.all === true))
    throw new CommandError(EXIT.misuse, 'name one session, or give --all')
  const { recordings, logs } = await verifySessions(options.dir)
  if (id !== undefined) {
    const recording = await recordingOf(id, options.dir, recordings)
    const chosen = recordings.filter(one => one.recording === recording)
    show(terminal, { recordings: chosen }, () => chosen.map(verdictLine))
    return exitFor(chosen)
  }
  const damages = logs.map(logLine).filter(line => line !== null)
  show(terminal, { recordings, logs }, () =>
    recordings.length + damages.length === 0
      ? [`no recordings in ${options.dir}`]
      : [...recordings.map(verdictLine), ...damages],
  )
  return damages.length === 0 ? exitFor(recordings) : EXIT.finding
}

const exitFor = (recordings: DirectoryVerdict['recordings']): number =>
  recordings.every(({ verdict }) => verdict.kind === 'COMPLETE') ? EXIT.ok : EXIT.finding

/** A recording whose file is gone still has a verdict, so it is looked for among the verdicts first. */
async function recordingOf(id: string, dir: string, verdicts: DirectoryVerdict['recordings']): Promise<string> {
  const named = verdicts.filter(({ recording, file }) => recording.startsWith(id) || file === id)
  return named.length === 1 && named[0] !== undefined ? named[0].recording : (await findSession(dir, id)).recording
}

/** A recording as lists tell it. */
export interface SessionSummary {
  readonly recording: string
  readonly session: string | null
  readonly opened: string
  readonly who: string
  readonly target: string
  readonly state: string
}

export const summaryOf = ({ recording, header, file, logged }: RecordingSummary): SessionSummary => ({
  recording,
  session: header?.session ?? null,
  opened: header === null ? 'unknown' : new Date(header.createdAt).toISOString(),
  who: header === null ? 'unknown' : `${header.requester.subject} of ${header.requester.issuer}`,
  target: header?.target.name ?? 'unknown',
  state: file === null ? 'missing' : logged,
})

function countedAs(event: RecordedEvent): string | null {
  switch (event.kind) {
    case 'intent':
      return 'cleared'
    case 'refused':
      return 'refused'
    case 'approval-answered':
      return event.answer
    case 'incident':
      return 'incidents'
    default:
      return null
  }
}
