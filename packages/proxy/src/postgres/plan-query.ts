import type { Cleared, Judged, Session } from '@querywarden/policy-core'
import { encodeBind, encodeDescribe, encodeExecute, encodeParse } from '@querywarden/wire/postgres'
import { breather } from './breather.ts'
import { describingCopy } from './copy-out.ts'
import { type Report, refusalOfUnread, refusalReport } from './error-response.ts'
import { type ErrorView, type Expected, hidesValues } from './expected.ts'
import type { Names } from './names.ts'
import type { Admit, BatchRefusal, Planned, Step } from './plan.ts'
import { newRun, type Portal } from './portal.ts'
import { preparedStatement } from './prepared-statement.ts'
import { Admissions } from './session-objects/admissions.ts'
import { type Commit, planNames } from './session-objects/after-execute.ts'
import { type Draft, type DraftContext, type Drafting, draftStatement } from './session-objects/draft.ts'
import { isMissing, portalOf } from './session-objects/naming.ts'
import { PlannedNames } from './session-objects/planned-names.ts'
import type { SplitStatement } from './split-text.ts'
import { whyUnserved } from './unserved.ts'

/** What planning a query needs of the conversation. */
export interface QueryContext extends DraftContext {
  readonly session: Session
  readonly names: Names
  readonly admit: Admit
}

/**
 * Plans a simple Query: every statement is judged before any runs, and each is sent as an extended-protocol statement of
 * its own, so that the server itself refuses a text that holds more than one. One Sync behind them all makes them one
 * implicit transaction, as in a simple Query.
 */
export async function planQuery(context: QueryContext, statements: readonly SplitStatement[]): Promise<Planned> {
  const { session, names, admit } = context
  const breathe = breather()
  const crowd = whyTooMany(statements.length)
  if (crowd !== null) return refuseWhole(session, crowd)
  const planned = new PlannedNames(names)
  const pieces: Piece[] = []
  for (const statement of statements) {
    await breathe()
    pieces.push(await pieceOf(context, planned, statement))
  }
  const misfit = whyNotTogether(pieces.map(({ judgement }) => judgement))
  if (misfit !== null) return refuseWhole(session, misfit)
  const denied = pieces.find(piece => piece.kind === 'denied')
  if (denied !== undefined) return refuseDenied(denied.text, admit)
  const unfit = pieces.find(piece => piece.kind === 'refused')
  if (unfit !== undefined) return refuseWhole(session, unfit.report)

  const admissions = new Admissions(context.judge, admit)
  const steps: Step[] = []
  for (const piece of pieces.filter(isFit)) {
    await breathe()
    const report =
      piece.kind === 'plain'
        ? await addPlain(steps, session, piece, admit, admissions)
        : await addNaming(steps, piece, admissions)
    if (report === null) continue
    admissions.undo()
    return refused(report, admissions.cleared)
  }
  // A Sync behind a COPY FROM STDIN would be swallowed by it; it follows when the data has.
  const takesData = admissions.cleared.some(({ facts }) => facts.copy === 'in')
  return { kind: 'plan', plan: { steps, end: takesData ? 'flush' : 'sync' } }
}

/** One statement of a query, judged. */
type Piece =
  | { readonly kind: 'plain'; readonly statement: SplitStatement; readonly judgement: Judged }
  /** It does something with objects that the client names. */
  | {
      readonly kind: 'naming'
      readonly draft: Draft
      readonly portal: Portal
      readonly commit: Commit | null
      readonly judgement: Judged | null
    }
  | Exclude<Drafting, { kind: 'draft' }>

type Fit = Extract<Piece, { kind: 'plain' | 'naming' }>

const isFit = (piece: Piece): piece is Fit => piece.kind === 'plain' || piece.kind === 'naming'

async function pieceOf(context: QueryContext, planned: PlannedNames, statement: SplitStatement): Promise<Piece> {
  const { judge, names } = context
  if (statement.command === null) {
    const { text } = statement
    const judgement = await judge(text)
    return judgement.kind === 'permitted'
      ? { kind: 'plain', statement, judgement }
      : { kind: 'denied', text, judgement }
  }
  const drafting = await draftStatement(context, statement, planned)
  if (drafting.kind !== 'draft') return drafting
  const { draft, judgement } = drafting
  const prepared = preparedStatement({ ...draft, name: '', upstreamName: '', parameterTypes: [], isEmpty: false })
  const portal = portalOf(prepared, { name: '', upstreamName: '', parameters: [] }, planned)
  if (!('run' in portal)) return { kind: 'refused', report: portal, judgement }
  return { kind: 'naming', draft, portal, commit: planNames(portal, planned, names), judgement }
}

/** Has a statement decided and recorded, and plans what is sent for it. */
async function addPlain(
  steps: Step[],
  session: Session,
  { statement: { text, start } }: Extract<Piece, { kind: 'plain' }>,
  admit: Admit,
  { cleared }: Admissions,
): Promise<Report | null> {
  const verdict = await admit(text, [])
  if (verdict.kind === 'refused') return refusalReport(verdict.refusal, text)
  cleared.push(verdict.cleared)
  const why = whyUnserved(verdict.cleared)
  if (why !== null) return why
  const sent = verdict.cleared.statement.text
  const view = viewOf(verdict.cleared, text, start)
  const portal = unnamedPortal(verdict.cleared, sent)
  const running = { cleared: verdict.cleared, portal, startedMs: null, stopped: null }
  const described = describingCopy(session, running, '', view)
  if ('sqlstate' in described) return described
  steps.push(...described, ...stepsOf(sent, BIND_NOTHING, portal, { kind: 'execute', running, view, commit: null }))
  return null
}

async function addNaming(
  steps: Step[],
  { draft, portal, commit }: Extract<Piece, { kind: 'naming' }>,
  admissions: Admissions,
): Promise<Report | null> {
  const { naming, positionShift, wireText } = draft
  if (isMissing(portal)) {
    const view = { withheld: false, positionShift, naming }
    steps.push(...stepsOf(wireText, BIND_NOTHING, portal, { kind: 'execute-empty', view }))
    return null
  }
  const problem = await admissions.admit(portal)
  const { cleared } = portal.run
  if (problem !== null || cleared === null) return problem
  admissions.begin(portal)
  const view = { withheld: hidesValues(cleared.obligations), positionShift, naming }
  const running = { cleared, portal, startedMs: null, stopped: null }
  steps.push(...stepsOf(wireText, bindOf(portal), portal, { kind: 'execute', running, view, commit }))
  return null
}

/** In a simple query a cursor gives the form that it was declared with (exec_simple_query in postgres.c). */
function bindOf({ statement, target }: Portal): Uint8Array {
  const isFetch = statement.naming?.command.kind === 'fetch' && !statement.naming.command.isMove
  return isFetch && target !== null && 'cursor' in target && target.cursor?.isBinary === true
    ? BIND_BINARY
    : BIND_NOTHING
}

/** Each is judged before any runs, and remembered until it does. */
const STATEMENTS_MAX = 500

/** What can't be in one Query together, though each could be alone. Null stands for what would run nothing. */
export function whyNotTogether(judgements: readonly (Judged | null)[]): Report | null {
  if (judgements.length < 2) return null
  for (const judgement of judgements) {
    if (judgement === null || judgement.kind === 'unavailable' || judgement.facts.kind === 'opaque') continue
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

const NOTHING_BOUND = { portal: '', statement: '', parameterFormats: [], parameters: [], resultFormats: [] } as const
const BIND_NOTHING = encodeBind(NOTHING_BOUND)
/** What most batches have in common, made once. */
export const DESCRIBE_UNNAMED: Uint8Array = encodeDescribe({ kind: 'portal', name: '' })
export const EXECUTE_UNNAMED: Uint8Array = encodeExecute({ portal: '', rowsMax: 0 })

const BIND_BINARY = encodeBind({ ...NOTHING_BOUND, resultFormats: [1] })

/** What is sent for one statement; the client sees of it what a simple query shows. */
const stepsOf = (
  text: string,
  bind: Uint8Array,
  portal: Portal,
  last: Extract<Expected, { kind: 'execute' | 'execute-empty' }>,
): readonly Step[] => {
  const { view } = last
  return [
    {
      message: encodeParse({ name: '', query: text, parameterTypes: [] }),
      expected: { kind: 'parse', show: false, commit: nothing, view },
    },
    { message: bind, expected: { kind: 'bind', show: false, commit: nothing, view, portal } },
    { message: DESCRIBE_UNNAMED, expected: { kind: 'describe-portal', show: 'rows', portal, view } },
    { message: EXECUTE_UNNAMED, expected: last },
  ]
}

/** How errors of a cleared statement are shown. */
export const viewOf = (cleared: Cleared, judged: string, start: number): ErrorView => ({
  withheld: hidesValues(cleared.obligations),
  positionShift: cleared.statement.text === judged ? start : null,
  naming: null,
})

const unnamedPortal = (cleared: Cleared, sentText: string): Portal => {
  const statement = preparedStatement({
    name: '',
    upstreamName: '',
    text: sentText,
    sentText,
    parameterTypes: [],
    isEmpty: false,
    withheld: false,
    positionShift: null,
    naming: null,
  })
  return {
    name: '',
    upstreamName: '',
    statement,
    subject: statement,
    parameters: [],
    run: { ...newRun(), cleared, isBegun: true },
    target: null,
    cursor: null,
    columns: null,
    mask: null,
  }
}

const refused = (report: Report, cleared: BatchRefusal['cleared']): Planned => ({
  kind: 'refused',
  refusal: { report, cleared },
})

export const whyTooMany = (count: number): Report | null =>
  count <= STATEMENTS_MAX
    ? null
    : {
        sqlstate: '54000',
        message: `statement refused: a query of ${count} statements, more than the ${STATEMENTS_MAX} that one may hold`,
        hint: 'send it in parts',
      }

const unsupported = (message: string): Report => ({
  sqlstate: '0A000',
  message: `statement refused: ${message}`,
  hint: 'send it by itself',
})

const nothing = (): void => undefined
