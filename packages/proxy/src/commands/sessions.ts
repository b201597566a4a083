import { type RecordedEvent, type RecordingSummary, readRecording, visible } from '@querywarden/recording'
import { EXIT } from './exit.ts'
import { findSession, noted, type ReadingOptions } from './reading.ts'
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
