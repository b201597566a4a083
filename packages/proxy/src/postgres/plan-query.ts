import type { Cleared, Facts, Session } from '@querywarden/policy-core'
import { encodeBind, encodeDescribe, encodeExecute, encodeParse } from '@querywarden/wire/postgres'
import { type Report, refusalReport } from './error-response.ts'
import type { ErrorView } from './expected.ts'
import type { Portal, PreparedStatement } from './names.ts'
import type { BatchRefusal, Plan, Planned, Step } from './plan.ts'
import type { SplitStatement } from './split-text.ts'
import { whyUnserved } from './unserved.ts'

/** Decides and records one statement; waits for a person if it must. */
export type Admit = (text: string) => ReturnType<Session['submit']>

/**
 * Plans a simple Query: every statement is judged before any runs, and each is sent as an extended-protocol statement of
 * its own, so that the server itself refuses a text that holds more than one. One Sync behind them all makes them one
 * implicit transaction, as in a simple Query.
 */
export async function planQuery(
  session: Session,
  statements: readonly SplitStatement[],
  admit: Admit,
): Promise<Planned> {
  const misfit = await findMisfit(session, statements)
  if (misfit !== null) {
    // No statement of it is at fault by itself, so none is submitted and this is all that is recorded of it.
    await session.incident(null, 'QUERY_REFUSED', misfit.message)
    return { kind: 'refused', refusal: { report: misfit, cleared: [] } }
  }

  const cleared: Cleared[] = []
  for (const { text } of await deniedFirst(session, statements)) {
    const verdict = await admit(text)
    if (verdict.kind === 'refused') return refused(refusalReport(verdict.refusal, text), cleared)
    cleared.push(verdict.cleared)
    const why = whyUnserved(verdict.cleared, 'query')
    if (why !== null) return refused(why, cleared)
  }
  return { kind: 'plan', plan: inOneTransaction(cleared, statements) }
}

/** What can't be in one Query together, though each could be alone. */
async function findMisfit(session: Session, statements: readonly SplitStatement[]): Promise<Report | null> {
  if (statements.length < 2) return null
  for (const { text } of statements) {
    const facts = await understood(session, text)
    if (facts === null) continue
    if (facts.copy === 'in') return unsupported('COPY FROM STDIN must be alone in its query')
    if (facts.uses.some(use => use.effect === 'transaction')) {
      return unsupported(
        'transaction control must be alone in its query: one text must not end the transaction it began in',
      )
    }
  }
  return null
}

/** A text with a denied statement asks nobody about the others. */
async function deniedFirst(
  session: Session,
  statements: readonly SplitStatement[],
): Promise<readonly SplitStatement[]> {
  for (const statement of statements) {
    const judgement = await session.judge(statement.text)
    if (judgement.kind !== 'permitted') return [statement]
  }
  return statements
}

async function understood(session: Session, text: string): Promise<Extract<Facts, { kind: 'understood' }> | null> {
  const judgement = await session.judge(text)
  return judgement.kind !== 'unavailable' && judgement.facts.kind === 'understood' ? judgement.facts : null
}

function inOneTransaction(cleared: readonly Cleared[], statements: readonly SplitStatement[]): Plan {
  const steps = cleared.flatMap((one, i): Step[] => {
    const { text } = one.statement
    const original = statements[i]
    const view = viewOf(one, original?.text ?? '', original?.start ?? 0)
    const portal = unnamedPortal(one, text)
    return [
      {
        message: encodeParse({ name: '', query: text, parameterTypes: [] }),
        expected: { kind: 'parse', show: false, commit: nothing, view },
      },
      {
        message: encodeBind({ portal: '', statement: '', parameterFormats: [], parameters: [], resultFormats: [] }),
        expected: { kind: 'bind', show: false, commit: nothing, view },
      },
      {
        message: encodeDescribe({ kind: 'portal', name: '' }),
        expected: { kind: 'describe-portal', show: 'rows', portal, view },
      },
      {
        message: encodeExecute({ portal: '', rowsMax: 0 }),
        expected: { kind: 'execute', running: { cleared: one, portal, startedMs: null, stopped: null }, view },
      },
    ]
  })
  // A Sync behind a COPY FROM STDIN would be swallowed by it; it follows when the data has.
  return { steps, end: cleared.some(({ facts }) => facts.copy === 'in') ? 'flush' : 'sync' }
}

/** How errors of a cleared statement are shown. */
export const viewOf = (cleared: Cleared, judged: string, start: number): ErrorView => ({
  withheld: cleared.obligations.masks.length > 0,
  positionShift: cleared.statement.text === judged ? start : null,
})

const unnamedPortal = (cleared: Cleared, sentText: string): Portal => {
  const statement: PreparedStatement = {
    name: '',
    upstreamName: '',
    text: sentText,
    sentText,
    parameterTypes: [],
    isEmpty: false,
  }
  return {
    name: '',
    upstreamName: '',
    statement,
    parameters: [],
    cleared,
    columns: null,
    mask: null,
    rows: 0,
    bytes: 0,
  }
}

const refused = (report: Report, cleared: BatchRefusal['cleared']): Planned => ({
  kind: 'refused',
  refusal: { report, cleared },
})

const unsupported = (message: string): Report => ({
  sqlstate: '0A000',
  message: `statement refused: ${message}`,
  hint: 'send it by itself',
})

const nothing = (): void => undefined
