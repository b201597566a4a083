import type { Cleared, Session } from '@querywarden/policy-core'
import { encodeBind, encodeDescribe, encodeExecute, encodeParse } from '@querywarden/wire/postgres'
import { breather } from './breather.ts'
import { type Report, refusalOfUnread, refusalReport } from './error-response.ts'
import { type ErrorView, hidesValues } from './expected.ts'
import type { Portal, PreparedStatement } from './names.ts'
import type { Admit, BatchRefusal, Plan, Planned, Step } from './plan.ts'
import type { SplitStatement } from './split-text.ts'
import { whyUnserved } from './unserved.ts'

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
  const breathe = breather()
  if (statements.length > STATEMENTS_MAX) return refuseWhole(session, tooMany(statements.length))
  const judgements: Judged[] = []
  for (const { text } of statements) {
    await breathe()
    judgements.push(await session.judge(text))
  }
  const misfit = misfitOf(judgements)
  if (misfit !== null) return refuseWhole(session, misfit)
  const denied = judgements.findIndex(({ kind }) => kind !== 'permitted')
  if (denied >= 0) return refuseDenied(statements[denied]?.text ?? '', admit)

  const cleared: Cleared[] = []
  for (const { text } of statements) {
    await breathe()
    const verdict = await admit(text, [])
    if (verdict.kind === 'refused') return refused(refusalReport(verdict.refusal, text), cleared)
    cleared.push(verdict.cleared)
    const why = whyUnserved(verdict.cleared)
    if (why !== null) return refused(why, cleared)
  }
  return { kind: 'plan', plan: inOneTransaction(cleared, statements) }
}

type Judged = Awaited<ReturnType<Session['judge']>>

/** Each is judged before any runs, and remembered until it does. */
const STATEMENTS_MAX = 500

/** What can't be in one Query together, though each could be alone. */
function misfitOf(judgements: readonly Judged[]): Report | null {
  if (judgements.length < 2) return null
  for (const judgement of judgements) {
    if (judgement.kind === 'unavailable' || judgement.facts.kind === 'opaque') continue
    const { facts } = judgement
    if (facts.copy === 'in') return unsupported('COPY FROM STDIN must be alone in its query')
    if (facts.uses.some(use => use.effect === 'transaction')) {
      return unsupported(
        'transaction control must be alone in its query: one text must not end the transaction it began in',
      )
    }
  }
  return null
}

/** No statement of it is at fault by itself, so none is submitted and this is all that is recorded of it. */
async function refuseWhole(session: Session, report: Report): Promise<Planned> {
  await session.incident(null, 'QUERY_REFUSED', report.message)
  return refused(report, [])
}

/**
 * A text with a denied statement asks nobody about the others, and nothing of it runs: not even where the denied one
 * has become allowed by now, since the rest was not planned.
 */
async function refuseDenied(text: string, admit: Admit): Promise<Planned> {
  const verdict = await admit(text, [])
  return refused(refusalOfUnread(verdict, text), verdict.kind === 'cleared' ? [verdict.cleared] : [])
}

const BIND_NOTHING = encodeBind({
  portal: '',
  statement: '',
  parameterFormats: [],
  parameters: [],
  resultFormats: [],
})
/** What most batches have in common, made once. */
export const DESCRIBE_UNNAMED: Uint8Array = encodeDescribe({ kind: 'portal', name: '' })
export const EXECUTE_UNNAMED: Uint8Array = encodeExecute({ portal: '', rowsMax: 0 })

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
        message: BIND_NOTHING,
        expected: { kind: 'bind', show: false, commit: nothing, view, portal },
      },
      {
        message: DESCRIBE_UNNAMED,
        expected: { kind: 'describe-portal', show: 'rows', portal, view },
      },
      {
        message: EXECUTE_UNNAMED,
        expected: { kind: 'execute', running: { cleared: one, portal, startedMs: null, stopped: null }, view },
      },
    ]
  })
  // A Sync behind a COPY FROM STDIN would be swallowed by it; it follows when the data has.
  return { steps, end: cleared.some(({ facts }) => facts.copy === 'in') ? 'flush' : 'sync' }
}

/** How errors of a cleared statement are shown. */
export const viewOf = (cleared: Cleared, judged: string, start: number): ErrorView => ({
  withheld: hidesValues(cleared.obligations),
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
    withheld: false,
    described: null,
    revealed: null,
  }
  return {
    name: '',
    upstreamName: '',
    statement,
    parameters: [],
    cleared,
    isExecuted: true,
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

const tooMany = (count: number): Report => ({
  sqlstate: '54000',
  message: `statement refused: a query of ${count} statements, more than the ${STATEMENTS_MAX} that one may hold`,
  hint: 'send it in parts',
})

const unsupported = (message: string): Report => ({
  sqlstate: '0A000',
  message: `statement refused: ${message}`,
  hint: 'send it by itself',
})

const nothing = (): void => undefined
