import {
  type ExportFormat,
  eventLines,
  RecordingError,
  type RecordingQuery,
  type RecordingSummary,
  readRecording,
  sessionMatcher,
} from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { findSession, noted, type ReadingOptions } from './reading.ts'
import { listSessions } from './recordings.ts'
import { detailOf, headerMatches, queryOf, type SearchFilters } from './session-search.ts'
import type { Terminal } from './terminal.ts'

export interface ExportOptions extends ReadingOptions, Pick<SearchFilters, 'who' | 'target' | 'since' | 'until'> {
  readonly format: ExportFormat
  readonly all?: boolean
  readonly values?: boolean
}

/** Prints recordings as lines of JSON, for a log or a SIEM. Without `--values` nothing of it is a literal or a row. */
export async function sessionsExport(
  terminal: Terminal,
  id: string | undefined,
  options: ExportOptions,
): Promise<number> {
  if ((id === undefined) !== (options.all === true))
    throw new CommandError(EXIT.misuse, 'name one session, or give --all')
  const query = queryOf(options)
  const found = id === undefined ? null : await findSession(options.dir, id)
  const matches = sessionMatcher(query, 'statements')
  const chosen = found === null ? (await listSessions(options.dir)).filter(one => headerMatches(one, matches)) : [found]
  const detail = [options.format, detailOf(options)].filter(part => part !== '').join(', ')
  const purpose = { action: 'export', recording: found?.recording ?? null, detail } as const
  let exit: number = EXIT.ok
  await noted({ ...options, dir: found?.dir ?? options.dir }, purpose, async kek => {
    for (const one of chosen) {
      const why = await printOne(terminal, one, { ...options, kek, query })
      if (why === null) continue
      terminal.note(`not read: ${one.recording}: ${why}`)
      exit = EXIT.finding
    }
  })
  return exit
}

/** Prints one recording; gives why it couldn't be read to its end. */
async function printOne(
  terminal: Terminal,
  { file, header }: RecordingSummary,
  { format, kek, values, query }: ExportOptions & { readonly kek: Uint8Array; readonly query: RecordingQuery },
): Promise<string | null> {
  if (file === null || header === null) return 'its file is gone, or has no header'
  const lines = eventLines(format)
  const { since, until } = query
  try {
    for await (const event of readRecording(file, { kek, values: values === true ? 'read' : 'leave' })) {
      // Whoever's session it is must be known for the rest of it.
      const isWithin =
        event.kind === 'broken-off' || ((since === null || event.at >= since) && (until === null || event.at < until))
      const objects = isWithin || event.kind === 'opened' ? lines.of(event, header) : []
      if (isWithin) for (const object of objects) terminal.out(JSON.stringify(object))
    }
    for (const object of lines.end()) terminal.out(JSON.stringify(object))
    return null
  } catch (error) {
    if (error instanceof RecordingError) return error.message
    throw error
  }
}
