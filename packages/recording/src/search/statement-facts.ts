import type { IntentEvent, RecordedEvent, RefusedEvent } from '../format/event.ts'
import type { RecordedIdentity } from '../format/file-header.ts'
import { cellText } from '../replay/cell-text.ts'

/** What a search goes by of one statement. Nothing of it is a literal, a parameter or a row. */
export interface StatementFacts {
  readonly statement: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Without literals. */
  readonly sql: string
  readonly effects: readonly string[]
  readonly relations: readonly string[]
  /** `unfinished` where the account has no outcome of it. */
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'not-run' | 'unknown' | 'refused' | 'unfinished'
  /** The SQLSTATE of what failed, the code of what was refused; else null. */
  readonly code: string | null
  /** Who granted the approval that it ran by. */
  readonly approvedBy: readonly RecordedIdentity[]
}

/** A statement with the texts that are in VALUE: what it was exactly, and its parameters. Empty where they are gone. */
export interface FoundStatement {
  readonly facts: StatementFacts
  readonly words: readonly string[]
}

/** A portal may be run piece by piece: outcomes of so many statements at once are waited for. */
const PENDING_MAX = 1_000

interface Draft {
  facts: StatementFacts
  readonly words: readonly string[]
}

/** The statements of a session, each with its outcome, in the order that they began. */
export async function* statementsOf(
  events: AsyncIterable<RecordedEvent>,
): AsyncGenerator<FoundStatement, void, undefined> {
  const pending = new Map<number, Draft>()
  const approvers = new Map<number, readonly RecordedIdentity[]>()
  for await (const event of events) {
    switch (event.kind) {
      case 'approval-answered':
        if (event.answer === 'granted') approvers.set(event.statement, event.by)
        break
      case 'intent':
      case 'refused':
        pending.set(event.statement, draftOf(event, approvers.get(event.statement) ?? []))
        approvers.delete(event.statement)
        break
      case 'completion': {
        const draft = pending.get(event.statement)
        const { completion } = event
        if (draft !== undefined) {
          const code = completion.kind === 'failed' ? completion.sqlstate : null
          draft.facts = { ...draft.facts, outcome: completion.kind, code }
        }
        break
      }
      default:
        break
    }
    for (const [statement, draft] of pending) {
      if (pending.size <= PENDING_MAX) break
      pending.delete(statement)
      yield draft
    }
  }
  yield* pending.values()
}

const draftOf = (event: IntentEvent | RefusedEvent, approvedBy: readonly RecordedIdentity[]): Draft => ({
  facts: {
    statement: event.statement,
    at: event.at,
    sql: event.sql.redacted,
    effects: event.effects,
    relations: event.kind === 'intent' ? event.relations : relationsRefused(event),
    outcome: event.kind === 'refused' ? 'refused' : 'unfinished',
    code: event.kind === 'refused' ? event.refusal.code : null,
    approvedBy,
  },
  words: [
    ...(event.sql.text === null ? [] : [event.sql.text]),
    ...event.params.flatMap(param => (param.value === null ? [] : [cellText(param.value, param)])),
  ],
})

/** A refused statement is recorded without its relations; the uses that were judged name them. */
const relationsRefused = ({ reasons }: RefusedEvent): readonly string[] =>
  reasons.flatMap(({ use }) => {
    const [, relation] = / (?:on|of|from|into) (\S+)$/.exec(use) ?? []
    return relation === undefined ? [] : [relation]
  })
