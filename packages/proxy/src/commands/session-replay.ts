import {
  colourLook,
  eventJson,
  eventsWithin,
  listAccesses,
  parseReplayPoint,
  plainLook,
  type RecordedEvent,
  type ReplayMoment,
  type ReplayPoint,
  readRecording,
  sqlScript,
  tellRecording,
} from '@querywarden/recording'
import { CommandError, EXIT } from './exit.ts'
import { openKeyboard } from './keyboard.ts'
import { isPainted } from './paint.ts'
import { type FoundSession, findSession, noted, type ReadingOptions } from './reading.ts'
import { play } from './replay-player.ts'
import type { Terminal } from './terminal.ts'

export interface ReplayCommandOptions extends ReadingOptions {
  /** `1`, `4`, or another number of times as fast; `max`: at once. */
  readonly speed: string
  readonly realTime?: boolean
  readonly at?: string
  readonly until?: string
  readonly sqlOnly?: boolean
  readonly rows: boolean
}

/** The longest pause that is shown unless told otherwise. */
const PAUSE_MS_MAX = 2_000

/** Tells one session: on a terminal in its time, else at once; as text, as a script, or as JSON. */
export async function sessionsReplay(terminal: Terminal, id: string, options: ReplayCommandOptions): Promise<number> {
  const [from, until] = [pointOf('--at', options.at), pointOf('--until', options.until)]
  const speed = speedOf(options.speed)
  const found = await findSession(options.dir, id)
  const remarks = await remarksOn(found)
  const purpose = { action: 'replay', recording: found.recording, detail: detailOf(options) } as const
  await noted({ ...options, dir: found.dir }, purpose, async kek => {
    const events = eventsWithin(readRecording(found.file, { kek }), { from, until })
    if (terminal.isJson) return printJson(terminal, events)
    const look = isPainted ? colourLook : plainLook
    if (options.sqlOnly === true) {
      for await (const line of sqlScript(events, look)) terminal.out(line)
      return
    }
    const columns = process.stdout.isTTY === true ? process.stdout.columns : null
    const moments = tellRecording(events, { columns, look, rows: options.rows, remarks })
    await tell(terminal, moments, {
      speed,
      pauseMsMax: options.realTime === true ? Number.POSITIVE_INFINITY : PAUSE_MS_MAX,
    })
  })
  return EXIT.ok
}

/** A session's account as lines of text. */
export async function replayLines(options: ReadingOptions, found: FoundSession): Promise<readonly string[]> {
  const remarks = await remarksOn(found)
  return noted(options, { action: 'replay', recording: found.recording, detail: '' }, async kek => {
    const lines: string[] = []
    const told = { columns: null, look: plainLook, rows: true, remarks }
    for await (const moment of tellRecording(readRecording(found.file, { kek }), told)) lines.push(...moment.lines)
    return lines
  })
}

async function tell(
  terminal: Terminal,
  moments: AsyncIterable<ReplayMoment>,
  pace: { readonly speed: number; readonly pauseMsMax: number },
): Promise<void> {
  if (process.stdout.isTTY !== true || process.stdin.isTTY !== true || pace.speed === Number.POSITIVE_INFINITY) {
    for await (const { lines } of moments) for (const line of lines) terminal.out(line)
    return
  }
  const keyboard = openKeyboard(process.stdin)
  try {
    terminal.note('space pauses, + and - change the speed, → goes to the next statement, q quits')
    await play(moments, { write: text => process.stdout.write(text), keyWithin: keyboard.keyWithin }, pace)
  } finally {
    keyboard.close()
  }
}

/** One array, written event by event: a session may be longer than memory. */
async function printJson(terminal: Terminal, events: AsyncIterable<RecordedEvent>): Promise<void> {
  let before = '['
  for await (const event of events) {
    terminal.out(`${before}${JSON.stringify(eventJson(event))}`)
    before = ','
  }
  terminal.out(before === '[' ? '[]' : ']')
}

/** What a reader should know of a recording that isn't in it. */
async function remarksOn({ dir, recording }: FoundSession): Promise<readonly string[]> {
  return (await listAccesses(dir)).flatMap(({ at, access }) =>
    access.kind === 'shredded' && access.recording === recording
      ? [
          `its literals, parameters and rows were destroyed on ${new Date(at).toISOString()} by ${access.who}${access.why === '' ? '' : `: ${access.why}`}`,
        ]
      : [],
  )
}

function pointOf(option: string, text: string | undefined): ReplayPoint | null {
  if (text === undefined) return null
  const point = parseReplayPoint(text)
  if (point !== null) return point
  throw new CommandError(
    EXIT.misuse,
    `${option} is no moment; expected a time such as 2027-03-01T09:30:00Z, or an offset from the opening such as 90s or 1m30s`,
  )
}

function speedOf(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(text)
  if (speed >= 0.25 && speed <= 256) return speed
  throw new CommandError(EXIT.misuse, '--speed is none; expected max, or a number from 0.25 to 256')
}

const detailOf = (options: ReplayCommandOptions): string =>
  [
    options.at === undefined ? '' : `--at ${options.at}`,
    options.until === undefined ? '' : `--until ${options.until}`,
    options.sqlOnly === true ? '--sql-only' : '',
    options.rows ? '' : '--no-rows',
  ]
    .filter(part => part !== '')
    .join(' ')
