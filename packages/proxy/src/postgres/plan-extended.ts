import { type Cleared, type Parameter, type Session, USER_OID_MIN } from '@querywarden/policy-core'
import {
  type Bind,
  type Close,
  type Describe,
  type Execute,
  encodeBind,
  encodeClose,
  encodeDescribe,
  encodeExecute,
  encodeParse,
  type Parse,
} from '@querywarden/wire/postgres'
import type { Ask } from './batch.ts'
import { breather } from './breather.ts'
import { describingCopy } from './copy-out.ts'
import { revealPortal } from './describe-portal.ts'
import { type Report, refusalOfUnread } from './error-response.ts'
import { type ErrorView, type Expected, hidesValues, PLAIN_VIEW } from './expected.ts'
import type { Names } from './names.ts'
import type { Admit, Judge, Plan, Planned, Step } from './plan.ts'
import { DESCRIBE_UNNAMED, EXECUTE_UNNAMED } from './plan-query.ts'
import type { Portal } from './portal.ts'
import { type PreparedStatement, preparedStatement } from './prepared-statement.ts'
import { Admissions } from './session-objects/admissions.ts'
import { planNames } from './session-objects/after-execute.ts'
import { type Drafting, draftStatement } from './session-objects/draft.ts'
import { isMissing, isNamedRight, namedAnew, portalOf, whyNotMeant, wireText } from './session-objects/naming.ts'
import { PlannedNames } from './session-objects/planned-names.ts'
import { stale, tooManyStatements, tooMuchHeld, tooMuchToSend, unclearName } from './session-objects/reports.ts'
import type { SplitText } from './split-text.ts'

/** What planning needs of the conversation. */
export interface ExtendedContext {
  readonly session: Session
  readonly judge: Judge
  readonly names: Names
  readonly split: SplitText
  readonly admit: Admit
  readonly statementsMax: number
  /** Bytes of texts and parameters that a session's statements and portals may hold. */
  readonly heldBytesMax: number
  /** Bytes that one batch may send to the server. What names objects is sent again for each use, so it can be more than came. */
  readonly sentBytesMax: number
}

/** Plans all asks up to a Sync or Flush, or refuses them all: nothing is sent before the last one is decided. */
export async function planExtended(context: ExtendedContext, asks: readonly Ask[], end: Plan['end']): Promise<Planned> {
  const planner = new Planner(context)
  try {
    return await planWith(planner, context, asks, end)
  } catch (error) {
    // The session ends over it, and none of what was cleared will run.
    for (const cleared of planner.cleared)
      await context.session.finish(cleared, { kind: 'not-run', why: 'its batch could not be planned' })
    throw error
  }
}

async function planWith(
  planner: Planner,
  context: ExtendedContext,
  asks: readonly Ask[],
  end: Plan['end'],
): Promise<Planned> {
  const breathe = breather()
  const doomedAt = await findDoom(context, asks)
  for (const [i, ask] of asks.entries()) {
    await breathe()
    const problem = (await planner.add(ask, i < doomedAt)) ?? planner.whyTooMuch()
    if (problem !== null) {
      planner.undo()
      return { kind: 'refused', refusal: { report: problem, cleared: planner.cleared } }
    }
  }
  if (doomedAt < 0) return { kind: 'plan', plan: { steps: planner.steps, end: planner.takesCopyData ? 'flush' : end } }
  // What doomed it has gone meanwhile; but executions before it were left out of the plan.
  planner.undo()
  return { kind: 'refused', refusal: { report: stale(), cleared: planner.cleared } }
}

/** The place of an ask that will be refused whatever a person says of those before it, or -1. */
async function findDoom({ session, judge, split }: ExtendedContext, asks: readonly Ask[]): Promise<number> {
  const first = asks.findIndex(({ kind }) => kind === 'bind')
  const breathe = breather()
  for (let i = asks.length - 1; i > first && first >= 0; i--) {
    const ask = asks[i]
    if (ask?.kind === 'refused') return i
    if (ask?.kind !== 'parse') continue
    await breathe()
    const found = split(ask.message.query, session)
    const pieces = found instanceof Promise ? await found : found
    const piece = pieces?.length === 1 ? pieces[0] : undefined
    // What these run only shows once all before them is planned.
    if (piece === undefined || piece.command?.kind === 'execute' || piece.command?.kind === 'fetch') continue
    if ((await judge(piece.text)).kind !== 'permitted') return i
  }
  return -1
}

/** Goes through a batch as the server will, with the names that it would have by then. */
class Planner {
  readonly steps: Step[] = []
  readonly #context: ExtendedContext
  readonly #names: PlannedNames
  readonly #admissions: Admissions
  readonly #described = new Set<Portal>()
  #takesCopyData = false
  #bytes = 0

  constructor(context: ExtendedContext) {
    this.#context = context
    this.#names = new PlannedNames(context.names)
    this.#admissions = new Admissions(context.judge, context.admit)
  }

  /** What was cleared of it so far. */
  get cleared(): readonly Cleared[] {
    return this.#admissions.cleared
  }

  /** A COPY FROM STDIN is among it, behind which nothing else may come before its data. */
  get takesCopyData(): boolean {
    return this.#takesCopyData
  }

  whyTooMuch(): Report | null {
    return this.#bytes > this.#context.sentBytesMax ? tooMuchToSend() : null
  }

  /** Nothing of this batch is sent. */
  undo(): void {
    this.#admissions.undo()
  }

  /** @param isDoomed - something behind it will be refused, so nobody is asked about it */
  async add(ask: Ask, isDoomed: boolean): Promise<Report | null> {
    if (this.#takesCopyData) return afterCopy()
    switch (ask.kind) {
      case 'refused':
        return ask.report
      case 'parse':
        return this.#parse(ask.message)
      case 'bind':
        return this.#bind(ask.message, isDoomed)
      case 'describe':
        return this.#describe(ask.message)
      case 'execute':
        return this.#execute(ask.message, isDoomed)
      case 'close':
        return this.#close(ask.message)
    }
  }

  async #parse({ name, query, parameterTypes }: Parse): Promise<Report | null> {
    const { session, split, statementsMax, heldBytesMax } = this.#context
    const names = this.#names
    if (name !== '' && names.statement(name) !== undefined)
      return report('42P05', 'this prepared statement name is taken', 'close it first, or use another name')
    if (names.statementsCount >= statementsMax) return tooManyStatements(statementsMax)
    if (names.heldBytes > heldBytesMax) return tooMuchHeld()
    // The input of such a type may run code of this database, past every rule about it (threats P11).
    if (parameterTypes.some(oid => oid >= USER_OID_MIN)) return userType()
    const found = split(query, session)
    const pieces = found instanceof Promise ? await found : found
    if (pieces === null) return this.#refuseUnread(query)
    if (pieces.length > 1)
      return report('42601', 'a prepared statement holds one statement only', 'prepare each by itself')
    const [piece] = pieces
    const drafting = piece === undefined ? NOTHING : await draftStatement(this.#context, piece, names)
    if (drafting.kind === 'denied') return this.#refuseUnread(drafting.text)
    if (drafting.kind === 'refused') return drafting.report
    const { draft } = drafting
    const upstreamName = names.upstreamNameFor(name)
    const statement = preparedStatement({ ...draft, name, upstreamName, parameterTypes, isEmpty: piece === undefined })
    const { withheld, positionShift, naming } = draft
    const view = { withheld, positionShift, naming }
    this.#sendParse(statement, draft.wireText, view, true)
    return null
  }

  #sendParse(statement: PreparedStatement, query: string, view: ErrorView, show: boolean): void {
    const { names } = this.#context
    const { upstreamName, parameterTypes } = statement
    this.#names.addStatement(statement)
    this.#send(encodeParse({ name: upstreamName, query, parameterTypes }), {
      kind: 'parse',
      show,
      commit: () => names.addStatement(statement),
      view,
    })
  }

  /**
   * A statement to bind, by the upstream name that what it names has by then. Where its text has another, it is parsed
   * again, and the client, who has asked for nothing of it, sees nothing of it.
   */
  #named(statement: PreparedStatement): PreparedStatement | Report {
    const { naming } = statement
    if (naming === null || isNamedRight(statement, this.#names)) return statement
    const again = preparedStatement({ ...statement, ...namedAnew(statement, naming, this.#names) })
    const query = wireText(again.sentText, again.naming)
    if (query === null) return unclearName()
    this.#sendParse(again, query, bindView(statement), false)
    if (statement.name !== '')
      this.#send(encodeClose({ kind: 'statement', name: statement.upstreamName }), {
        kind: 'close',
        show: false,
        commit: nothing,
        view: PLAIN_VIEW,
      })
    return again
  }

  /** Submits a text that can't be planned, so that its refusal is recorded. */
  async #refuseUnread(text: string): Promise<Report> {
    const verdict = await this.#context.admit(text, [])
    if (verdict.kind === 'cleared') this.#admissions.cleared.push(verdict.cleared)
    return refusalOfUnread(verdict, text)
  }

  async #bind(message: Bind, isDoomed: boolean): Promise<Report | null> {
    const { heldBytesMax, names } = this.#context
    const planned = this.#names
    if (planned.heldBytes > heldBytesMax) return tooMuchHeld()
    const known = planned.statement(message.statement)
    if (known === undefined) return unknownStatement()
    if (message.portal !== '' && planned.portal(message.portal) !== undefined)
      return report('42P03', 'this portal name is taken', 'close it first')
    const statement = this.#named(known)
    if ('sqlstate' in statement) return statement
    const upstreamName = planned.upstreamNameFor(message.portal)
    const parameters = parametersOf(message, statement)
    const portal = portalOf(statement, { name: message.portal, upstreamName, parameters }, planned)
    if ('sqlstate' in portal) return portal
    // The server plans at Bind, and planning may run functions, so it is no earlier than the account of them.
    const isAdmitted = !isDoomed && !statement.isEmpty && !isMissing(portal)
    const problem = isAdmitted ? await this.#admissions.admit(portal) : null
    if (problem !== null) return problem
    planned.addPortal(portal)
    const { parameterFormats, resultFormats } = message
    const sent = {
      portal: upstreamName,
      statement: statement.upstreamName,
      parameterFormats,
      parameters: message.parameters,
      resultFormats,
    }
    this.#send(encodeBind(sent), {
      kind: 'bind',
      show: true,
      commit: () => names.addPortal(portal),
      view: bindView(statement),
      portal,
    })
    return null
  }

  #describe({ kind, name }: Describe): Report | null {
    if (kind === 'statement') {
      const statement = this.#names.statement(name)
      if (statement === undefined) return unknownStatement()
      this.#send(encodeDescribe({ kind, name: statement.upstreamName }), {
        kind: 'describe-statement',
        view: bindView(statement),
      })
      return null
    }
    const portal = this.#names.portal(name)
    if (portal === undefined) return unknownPortal()
    this.#describePortal(portal, 'all')
    return null
  }

  #describePortal(portal: Portal, show: 'all' | 'nothing'): void {
    this.#described.add(portal)
    const { upstreamName } = portal
    this.#send(upstreamName === '' ? DESCRIBE_UNNAMED : encodeDescribe({ kind: 'portal', name: upstreamName }), {
      kind: 'describe-portal',
      show,
      portal,
      view: bindView(portal.statement),
    })
  }

  async #execute({ portal: name, rowsMax }: Execute, isDoomed: boolean): Promise<Report | null> {
    const portal = this.#names.portal(name)
    if (portal === undefined) return unknownPortal()
    const { upstreamName, statement, run } = portal
    const moved = whyNotMeant(portal, this.#names)
    if (moved !== null) return moved
    const message =
      upstreamName === '' && rowsMax === 0 ? EXECUTE_UNNAMED : encodeExecute({ portal: upstreamName, rowsMax })
    if (statement.isEmpty || isMissing(portal)) {
      this.#send(message, { kind: 'execute-empty', view: { ...PLAIN_VIEW, naming: statement.naming } })
      return null
    }
    const commit = planNames(portal, this.#names, this.#context.names)
    if (isDoomed) return null
    const problem = await this.#admissions.admit(portal)
    const { cleared } = run
    if (problem !== null || cleared === null) return problem
    // Rows of a portal that nobody described would go out unchecked (threats P5, P6).
    if (portal.columns !== null) revealPortal(this.#context.session, portal)
    else if (!this.#described.has(portal)) this.#describePortal(portal, 'nothing')
    const { positionShift, naming } = statement
    const view = { withheld: hidesValues(cleared.obligations), positionShift, naming }
    const running = { cleared, portal, startedMs: null, stopped: null }
    const { session, names } = this.#context
    const described = describingCopy(session, running, names.upstreamNameFor('copy'), view)
    if ('sqlstate' in described) return described
    for (const step of described) this.#send(step.message, step.expected)
    this.#admissions.begin(portal)
    this.#takesCopyData = cleared.facts.copy === 'in'
    this.#send(message, { kind: 'execute', running, view, commit })
    return null
  }

  #close({ kind, name }: Close): Report | null {
    const { names } = this.#context
    const planned = this.#names
    const isStatement = kind === 'statement'
    const known = isStatement ? planned.statement(name) : planned.portal(name)
    // Closing what isn't there is no error; a name that never was keeps the server's answer in its place.
    const upstreamName = known?.upstreamName ?? names.upstreamNameFor('none')
    if (isStatement) planned.removeStatement(name)
    else planned.removePortal(name)
    const commit = (): void => (isStatement ? names.removeStatement(name) : names.removePortal(name))
    this.#send(encodeClose({ kind, name: upstreamName }), { kind: 'close', show: true, commit, view: PLAIN_VIEW })
    return null
  }

  #send(message: Uint8Array, expected: Expected): void {
    this.#bytes += message.length
    this.steps.push({ message, expected })
  }
}

const parametersOf = (
  { parameters, parameterFormats }: Bind,
  { parameterTypes }: PreparedStatement,
): readonly Parameter[] =>
  parameters.map((value, i) => ({
    typeOid: parameterTypes[i] ?? 0,
    format: (parameterFormats.length === 1 ? parameterFormats[0] : parameterFormats[i]) === 1 ? 'binary' : 'text',
    value,
  }))

/** The empty statement. */
const NOTHING: Extract<Drafting, { kind: 'draft' }> = {
  kind: 'draft',
  judgement: null,
  draft: { text: '', sentText: '', wireText: '', withheld: false, naming: null, positionShift: 0 },
}

const nothing = (): void => undefined

/** Parameter conversion can fail with the parameter's value in the text; that value is the client's own. */
const bindView = ({ withheld, naming }: PreparedStatement): ErrorView => ({ withheld, positionShift: null, naming })

const report = (sqlstate: string, message: string, hint: string): Report => ({ sqlstate, message, hint })
const userType = (): Report =>
  report(
    '0A000',
    'a parameter is given a type of this database, whose input may run code',
    'leave the type open (0), or cast in the statement',
  )
const unknownStatement = (): Report => report('26000', 'there is no prepared statement of this name', 'parse it first')
const unknownPortal = (): Report =>
  report('34000', 'there is no portal of this name', "bind it first; a transaction's end closes all portals")
const afterCopy = (): Report =>
  report(
    '0A000',
    'nothing may follow COPY FROM STDIN in its batch: the server takes what comes next for the data',
    'send a Sync behind it, the data, and then what comes next',
  )
