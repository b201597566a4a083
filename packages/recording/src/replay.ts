import type { Completion } from '@querywarden/policy-core'
import type {
  IntentEvent,
  RecordedEvent,
  RecordedMessage,
  RecordedParameter,
  RecordedSql,
  RefusedEvent,
} from './event.ts'

/**
 * Tells a recording as a plain text timeline for a terminal. Control characters of recorded texts are made visible, so
 * that a recording can't drive the terminal it is read in.
 *
 * @example
 * process.stdout.write(await renderReplay(readRecording(file, { kek })))
 */
export async function renderReplay(events: AsyncIterable<RecordedEvent> | Iterable<RecordedEvent>): Promise<string> {
  const lines: string[] = []
  for await (const event of events) {
    const [first = '', ...more] = linesOf(event)
    const time = event.kind === 'broken-off' ? ' '.repeat(TIME_WIDTH) : timeOf(event.at)
    lines.push(`${time}  ${printable(first)}`, ...more.map(line => `${' '.repeat(TIME_WIDTH)}    ${printable(line)}`))
  }
  return lines.map(line => `${line}\n`).join('')
}

const TIME_WIDTH = 24

// C0, DEL, C1 and the characters that turn or hide text (Unicode bidirectional controls, zero width, line separators).
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

const printable = (line: string): string =>
  line.replace(UNPRINTABLE, char => (char === '\n' ? '⏎' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`))

/** ISO 8601 in UTC. A recorded time out of range must not stop the replay. */
function timeOf(at: number): string {
  if (!(at >= 0 && at < LAST_INSTANT)) return 'an impossible time'.padEnd(TIME_WIDTH)
  const parts = Object.fromEntries(UTC.formatToParts(at).map(({ type, value }) => [type, value]))
  const ms = String(Math.floor(at % 1_000)).padStart(3, '0')
  const { year, month, day, hour, minute, second } = parts
  return `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`.padEnd(TIME_WIDTH)
}

// The end of the year 9999, after which ISO 8601 needs more digits.
const LAST_INSTANT = 253_402_300_800_000
const UTC = new Intl.DateTimeFormat('en-US', {
  calendar: 'gregory',
  numberingSystem: 'latn',
  timeZone: 'UTC',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
})

const person = ({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string =>
  `${subject} (${issuer})`

function linesOf(event: RecordedEvent): readonly string[] {
  switch (event.kind) {
    case 'opened':
      return openedLines(event)
    case 'intent':
      return intentLines(event)
    case 'refused':
      return refusedLines(event)
    case 'approval-requested':
      return [
        `#${event.statement} waits for a person: request ${event.request}, quorum ${event.terms.quorum}`,
        `for: ${event.canonical ?? event.redacted}`,
      ]
    case 'approval-answered':
      return [
        `#${event.statement} ${event.answer}${event.by.length === 0 ? '' : ` by ${event.by.map(person).join(', ')}`}`,
        ...(event.reason === '' ? [] : [`reason: ${event.reason}`]),
      ]
    case 'rows':
      return [`#${event.statement} ${event.rows} rows from row ${event.first} on, ${event.bytes} bytes`]
    case 'notice':
      return [`${event.statement === null ? '' : `#${event.statement} `}${messageText(event.notice)}`]
    case 'completion':
      return [
        `#${event.statement} ${completionText(event.completion)}`,
        ...(event.error === null ? [] : [messageText(event.error)]),
      ]
    case 'cancel-requested':
      return [event.statement === null ? 'cancel requested' : `#${event.statement} cancel requested`]
    case 'incident':
      return [`${event.statement === null ? '' : `#${event.statement} `}incident ${event.code}: ${event.message}`]
    case 'recovered':
      return [
        `the writer died here; boot ${event.recovery.boot} sealed the recording`,
        `${event.recovery.discardedBytes} torn bytes were moved aside; what ran last may have no outcome`,
        ...(event.recovery.tailEntries === 0
          ? []
          : [`the last ${event.recovery.tailEntries} entries before this were taken from its tail`]),
      ]
    case 'closed':
      return [`session closed: ${event.reason}`]
    case 'unknown':
      return [`an event of type ${event.type}, which this version does not know`]
    case 'broken-off':
      return [`the recording breaks off after ${event.seq} frames: ${event.why}; it is not complete`]
  }
}

function openedLines(event: Extract<RecordedEvent, { kind: 'opened' }>): readonly string[] {
  const { header } = event
  return [
    `session ${header.session}: ${person(header.requester)} on ${header.target.name} (${header.target.dialect})`,
    ...(header.actor === null ? [] : [`acting: ${person(header.actor)}`]),
    `policy ${header.policyVersion}, recording ${header.recording}`,
    ...Object.entries(event.client).map(([name, value]) => `client ${name}: ${value}`),
  ]
}

const intentLines = (event: IntentEvent): readonly string[] => [
  `#${event.statement} ${event.decision === 'allow' ? 'allowed' : 'approved'}: ${event.tag}`,
  ...statementLines(event),
  ...(event.approval === null ? [] : [`approval: ${event.approval}`]),
  ...(event.masks.length === 0
    ? []
    : [`masked: ${event.masks.map(({ column, mask }) => `${column} (${mask})`).join(', ')}`]),
]

const refusedLines = (event: RefusedEvent): readonly string[] => [
  `#${event.statement} refused: ${event.refusal.code}${event.refusal.rule === null ? '' : ` by ${event.refusal.rule}`}`,
  ...statementLines(event),
  `why: ${event.refusal.message}`,
]

const statementLines = (event: IntentEvent | RefusedEvent): readonly string[] => [
  sqlText(event.sql),
  ...event.params.map((param, index) => `$${index + 1}: ${parameterText(param)}`),
  ...event.reasons.map(({ use, answer, rules }) => `${answer} ${use}: ${rules.join(', ') || 'no rule'}`),
]

const sqlText = (sql: RecordedSql): string => {
  if (sql.secret) return `${sql.redacted}   (literals left out: they may be secrets)`
  return sql.text ?? `${sql.redacted}   (literals not shown: their key is gone)`
}

function parameterText(param: RecordedParameter): string {
  if (param.isNull) return `type ${param.typeOid}, NULL`
  if (param.bytes === null) return `type ${param.typeOid}, left out`
  if (param.value === null)
    return `type ${param.typeOid}, ${param.bytes} bytes, hmac ${(param.hmac ?? '').slice(0, 16)}`
  const value = Buffer.from(param.value)
  return `type ${param.typeOid}, ${param.format === 'text' ? value.toString('utf8') : `\\x${value.toString('hex')}`}`
}

function completionText(completion: Completion): string {
  switch (completion.kind) {
    case 'done':
      return `done: ${completion.tag}, ${countsText(completion)}`
    case 'failed':
      return `failed: SQLSTATE ${completion.sqlstate}, ${countsText(completion)}`
    case 'cancelled':
      return `cancelled: ${completion.why}, ${countsText(completion)}`
    case 'not-run':
      return `not run: ${completion.why}`
    case 'unknown':
      return `outcome unknown: ${completion.why}`
  }
}

const messageText = ({ severity, sqlstate, message, constraint }: RecordedMessage): string =>
  `${severity} ${sqlstate}: ${message ?? '(words not shown: their key is gone)'}${constraint === null ? '' : ` (constraint ${constraint})`}`

const countsText = (counts: { readonly rows: number; readonly bytes: number; readonly ms: number }): string =>
  `${counts.rows} rows, ${counts.bytes} bytes, ${Math.round(counts.ms * 10) / 10} ms`
