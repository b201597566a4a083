import type { Dialect } from '@querywarden/policy-core'
import type { IntentEvent, RecordedEvent, RefusedEvent } from '../format/event.ts'
import { lexSql } from '../redaction/sql-lexer.ts'
import { dayAndTime, isoTime } from './clock-text.ts'
import { completionText, parameterText, person, withheld } from './event-lines.ts'
import { highlightSql } from './highlight.ts'
import type { Look } from './look.ts'
import { visible } from './visible.ts'

/**
 * A session's statements as a script, with what became of them in comments. It is for reading: what was refused stands in
 * comments too, and characters that could drive a terminal are made visible.
 */
export async function* sqlScript(
  events: AsyncIterable<RecordedEvent>,
  look: Look,
): AsyncGenerator<string, void, undefined> {
  let dialect: Dialect = 'postgres'
  const comment = (text: string): string => look('comment', `-- ${visible(text)}`)
  for await (const event of events) {
    switch (event.kind) {
      case 'opened': {
        const { header } = event
        dialect = header.target.dialect === 'mysql' ? 'mysql' : 'postgres'
        yield comment(
          `session ${header.session}: ${person(header.requester)} on ${header.target.name}, ${isoTime(event.at) ?? 'at an impossible time'}`,
        )
        break
      }
      case 'intent':
        yield* statement(event, event.decision === 'allow' ? 'allowed' : 'approved', comment)
        yield* terminated(event.sql.text ?? event.sql.redacted, dialect, look)
        break
      case 'refused':
        yield* statement(event, `refused: ${event.refusal.code}: ${event.refusal.message}`, comment)
        yield* (event.sql.text ?? event.sql.redacted).split(/\r\n|\n|\r/).map(comment)
        break
      case 'completion':
        yield comment(`#${event.statement} ${completionText(event.completion)}`)
        break
      case 'broken-off':
        yield comment(`the recording breaks off here: ${event.why}`)
        break
      case 'approval-requested':
      case 'approval-answered':
      case 'rows':
      case 'notice':
      case 'cancel-requested':
      case 'incident':
      case 'recovered':
      case 'closed':
      case 'unknown':
        break
    }
  }
}

function* statement(
  event: IntentEvent | RefusedEvent,
  became: string,
  comment: (text: string) => string,
): Generator<string> {
  const note = withheld(event.sql)
  yield ''
  yield comment(`#${event.statement} ${dayAndTime(event.at).time} ${became}${note === '' ? '' : ` (${note})`}`)
  for (const [index, param] of event.params.entries()) yield comment(`$${index + 1}: ${parameterText(param)}`)
}

function* terminated(sql: string, dialect: Dialect, look: Look): Generator<string> {
  const lines = highlightSql(sql, dialect).map(spans =>
    spans.map(({ role, text }) => (role === null ? text : look(role, text))).join(''),
  )
  yield* lines.slice(0, -1)
  const last = lexSql(sql, dialect).findLast(({ kind }) => kind !== 'space')
  // A semicolon at the end of a comment would be part of it.
  if (last?.kind === 'comment') {
    yield lines.at(-1) ?? ''
    yield ';'
  } else yield `${lines.at(-1) ?? ''}${last?.text === ';' ? '' : ';'}`
}
