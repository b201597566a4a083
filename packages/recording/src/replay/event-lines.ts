import type { Claim, Completion, Dialect } from '@querywarden/policy-core'
import type {
  IntentEvent,
  RecordedEvent,
  RecordedMessage,
  RecordedParameter,
  RecordedSql,
  RefusedEvent,
} from '../format/event.ts'
import { cellText } from './cell-text.ts'
import { highlightSql } from './highlight.ts'
import { type Line, line, span } from './line.ts'
import type { Role } from './look.ts'
import { visible } from './visible.ts'

/** What of an event is not rows. The first line tells what happened, the others more of it. */
export type ToldEvent = Exclude<RecordedEvent, { kind: 'rows' | 'opened' }>

const plain = (text: string, role: Role | null = null): Line => line([span(visible(text), role)])
/** A name before what it names. */
const named = (name: string, text: string): Line =>
  line([span(`${name}: `, 'quiet'), span(visible(text))], ' '.repeat(name.length + 2))
const titled = (statement: number | null, title: string, role: Role | null, more = ''): Line =>
  line(
    [
      ...(statement === null ? [] : [span(`#${statement} `, 'strong')]),
      span(visible(title), role),
      ...(more === '' ? [] : [span(visible(more))]),
    ],
    '  ',
  )

export const person = ({ issuer, subject }: { readonly issuer: string; readonly subject: string }): string =>
  `${subject} (${issuer})`

export function linesOf(event: ToldEvent, dialect: Dialect): readonly Line[] {
  switch (event.kind) {
    case 'intent':
      return intentLines(event, dialect)
    case 'refused':
      return refusedLines(event, dialect)
    case 'approval-requested':
      return [
        titled(
          event.statement,
          'waits for a person',
          'caution',
          `: request ${event.request}, quorum ${event.terms.quorum}`,
        ),
        ...(event.terms.rules.length === 0 ? [] : [named('asked by', event.terms.rules.join(', '))]),
        ...event.terms.approverGroups.map(groups => named('may answer', groups.join(', '))),
        ...sqlLines(event.canonical ?? event.redacted, dialect),
      ]
    case 'approval-answered':
      return [
        titled(
          event.statement,
          event.answer,
          event.answer === 'granted' ? 'good' : 'bad',
          event.by.length === 0 ? '' : ` by ${event.by.map(person).join(', ')}`,
        ),
        ...(event.reason === '' ? [] : [named('reason', event.reason)]),
      ]
    case 'notice':
      return [titled(event.statement, messageText(event.notice), 'caution')]
    case 'completion':
      return completionLines(event)
    case 'cancel-requested':
      return [titled(event.statement, 'cancel requested', 'caution')]
    case 'incident':
      return [titled(event.statement, `incident ${event.code}`, 'bad', `: ${event.message}`)]
    case 'recovered':
      return recoveredLines(event)
    case 'closed':
      return [plain(`session closed: ${event.reason}`, 'strong')]
    case 'unknown':
      return [plain(`an event of type ${event.type}, which this version does not know`, 'caution')]
    case 'broken-off':
      return [plain(`the recording breaks off after ${event.seq} frames: ${event.why}; it is not complete`, 'bad')]
  }
}

/** Who, where, and under which policy: what a recording opens with. */
export function openedLines(event: Extract<RecordedEvent, { kind: 'opened' }>): readonly Line[] {
  const { header } = event
  const { target } = header
  return [
    line([
      span(`session ${visible(header.session)}: `, 'strong'),
      span(visible(`${person(header.requester)} on ${target.name} (${target.dialect})`)),
    ]),
    ...(header.actor === null ? [] : [named('acting', person(header.actor))]),
    ...(event.groups.length === 0 ? [] : [named('groups', event.groups.join(', '))]),
    ...event.claims.map(claim => named('claim', claimText(claim))),
    ...event.actorClaims.map(claim => named('claim of who acts', claimText(claim))),
    named('policy', `${header.policyVersion}, recording ${header.recording}`),
    ...Object.entries(target.server).map(([name, value]) => named(`server ${visible(name)}`, value)),
    ...Object.entries(event.client).map(([name, value]) => named(`client ${visible(name)}`, value)),
  ]
}

const claimText = ({ name, values }: Claim): string => `${name} = ${values.map(String).join(', ')}`

const intentLines = (event: IntentEvent, dialect: Dialect): readonly Line[] => [
  titled(event.statement, event.decision === 'allow' ? 'allowed' : 'approved', 'good', `: ${event.tag}`),
  ...statementLines(event, dialect),
  ...(event.approval === null ? [] : [named('approval', event.approval)]),
  ...(event.masks.length === 0
    ? []
    : [named('masked', event.masks.map(({ column, mask }) => `${column} (${mask})`).join(', '))]),
  ...(event.detect.length === 0
    ? []
    : [named('masked where found', event.detect.map(({ detector, mask }) => `${detector} (${mask})`).join(', '))]),
  ...limitLines(event),
]

const limitLines = ({ limits }: IntentEvent): readonly Line[] => {
  const told = [
    limits.rowsMax === null ? '' : `${limits.rowsMax} rows`,
    limits.bytesMax === null ? '' : `${limits.bytesMax} bytes`,
    limits.timeMsMax === null ? '' : `${limits.timeMsMax} ms`,
  ].filter(limit => limit !== '')
  return told.length === 0 ? [] : [named('limits', told.join(', '))]
}

const refusedLines = (event: RefusedEvent, dialect: Dialect): readonly Line[] => [
  titled(
    event.statement,
    'refused',
    'bad',
    `: ${event.refusal.code}${event.refusal.rule === null ? '' : ` by ${event.refusal.rule}`}`,
  ),
  ...statementLines(event, dialect),
  named('why', event.refusal.message),
  ...(event.refusal.request === null ? [] : [named('approval', event.refusal.request)]),
]

const statementLines = (event: IntentEvent | RefusedEvent, dialect: Dialect): readonly Line[] => [
  ...sqlLines(event.sql.text ?? event.sql.redacted, dialect, withheld(event.sql)),
  ...event.params.map((param, index) => named(`$${index + 1}`, parameterText(param))),
  ...event.reasons.map(({ use, answer, rules }) =>
    line([
      span(`${answer} `, answer === 'deny' ? 'bad' : answer === 'approve' ? 'caution' : 'good'),
      span(visible(`${use}: ${rules.join(', ') || 'no rule'}`)),
    ]),
  ),
]

/** Behind a bar, so that no line of a statement passes for one of the account. */
function sqlLines(sql: string, dialect: Dialect, note = ''): readonly Line[] {
  const lines = highlightSql(sql, dialect)
  return lines.map((spans, index) =>
    line(
      [
        span(BAR, 'quiet'),
        ...spans,
        ...(note !== '' && index === lines.length - 1 ? [span(`   (${note})`, 'quiet')] : []),
      ],
      BAR,
    ),
  )
}

const BAR = '│ '

export const withheld = (sql: RecordedSql): string => {
  if (sql.secret) return 'literals left out: they may be secrets'
  return sql.text === null ? 'literals not shown: their key is gone' : ''
}

/** A parameter as it is told: its value where that is recorded, else what is. */
export function parameterText(param: RecordedParameter): string {
  if (param.isNull) return `type ${param.typeOid}, NULL`
  if (param.bytes === null) return `type ${param.typeOid}, left out`
  if (param.value === null)
    return `type ${param.typeOid}, ${param.bytes} bytes, hmac ${(param.hmac ?? '').slice(0, 16)}`
  return `type ${param.typeOid}, ${cellText(param.value, param)}`
}

const completionLines = (event: Extract<RecordedEvent, { kind: 'completion' }>): readonly Line[] => [
  titled(event.statement, ...completionParts(event.completion)),
  ...(event.error === null ? [] : [plain(messageText(event.error), 'bad')]),
]

function completionParts(completion: Completion): readonly [string, Role, string] {
  switch (completion.kind) {
    case 'done':
      return ['done', 'good', `: ${completion.tag}, ${countsText(completion)}`]
    case 'failed':
      return ['failed', 'bad', `: SQLSTATE ${completion.sqlstate}, ${countsText(completion)}`]
    case 'cancelled':
      return ['cancelled', 'caution', `: ${completion.why}, ${countsText(completion)}`]
    case 'not-run':
      return ['not run', 'caution', `: ${completion.why}`]
    case 'unknown':
      return ['outcome unknown', 'bad', `: ${completion.why}`]
  }
}

/** What became of a statement, in one line. */
export const completionText = (completion: Completion): string => {
  const [title, , more] = completionParts(completion)
  return title + more
}

const messageText = ({ severity, sqlstate, message, constraint }: RecordedMessage): string =>
  `${severity} ${sqlstate}: ${message ?? '(words not shown: their key is gone)'}${constraint === null ? '' : ` (constraint ${constraint})`}`

const tenths = (ms: number): number => Math.round(ms * 10) / 10

function countsText(counts: {
  readonly rows: number
  readonly bytes: number
  readonly ms: number
  readonly waitedMs?: number
}): string {
  const waited = counts.waitedMs === undefined ? '' : ` after waiting ${tenths(counts.waitedMs)} ms`
  return `${counts.rows} rows, ${counts.bytes} bytes, ${tenths(counts.ms)} ms${waited}`
}

const recoveredLines = ({ recovery }: Extract<RecordedEvent, { kind: 'recovered' }>): readonly Line[] => [
  plain(`the writer died here; boot ${recovery.boot} sealed the recording`, 'bad'),
  plain(`${recovery.discardedBytes} torn bytes were moved aside; what ran last may have no outcome`),
  ...(recovery.tailEntries === 0
    ? []
    : [plain(`the last ${recovery.tailEntries} entries before this were taken from its tail`)]),
]
