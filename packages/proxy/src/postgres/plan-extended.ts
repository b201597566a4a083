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
import { revealPortal } from './describe-portal.ts'
import { type Report, refusalOfUnread, refusalReport } from './error-response.ts'
import { type ErrorView, type Expected, hidesValues, PLAIN_VIEW } from './expected.ts'
import type { Names, Portal, PreparedStatement } from './names.ts'
import type { Admit, Plan, Planned, Step } from './plan.ts'
import { DESCRIBE_UNNAMED, EXECUTE_UNNAMED, viewOf } from './plan-query.ts'
import type { SplitText } from './split-text.ts'
import { whyUnserved } from './unserved.ts'

/** What planning needs of the conversation. */
export interface ExtendedContext {
  readonly session: Session
  readonly names: Names
  readonly split: SplitText
  readonly admit: Admit
  readonly statementsMax: number
  /** Bytes of texts and parameters that a session's statements and portals may hold. */
  readonly heldBytesMax: number
}

/** Plans all asks up to a Sync or Flush, or refuses them all: nothing is sent before the last one is decided. */
export async function planExtended(context: ExtendedContext, asks: readonly Ask[], end: Plan['end']): Promise<Planned> {
  const planner = new Planner(context)
  const breathe = breather()
  const doomedAt = await findDoom(context, asks)
  for (const [i, ask] of asks.entries()) {
    await breathe()
    const problem = await planner.add(ask, i < doomedAt)
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
async function findDoom({ session, split }: ExtendedContext, asks: readonly Ask[]): Promise<number> {
  const first = asks.findIndex(({ kind }) => kind === 'bind')
  const breathe = breather()
  for (let i = asks.length - 1; i > first && first >= 0; i--) {
    const ask = asks[i]
    if (ask?.kind === 'refused') return i
    if (ask?.kind !== 'parse') continue
    await breathe()
    const pieces = split(ask.message.query)
    const text = pieces?.length === 1 ? pieces[0]?.text : undefined
    if (text !== undefined && (await session.judge(text)).kind !== 'permitted') return i
  }
  return -1
}

/** Goes through a batch as the server will, with the names that it would have by then. */
class Planner {
  readonly steps: Step[] = []
  readonly cleared: Cleared[] = []
  readonly #context: ExtendedContext
  readonly #statements = new Map<string, PreparedStatement | null>()
  readonly #portals = new Map<string, Portal | null>()
  readonly #described = new Set<Portal>()
  readonly #admitted: Portal[] = []
  readonly #executed: Portal[] = []
  #takesCopyData = false

  constructor(context: ExtendedContext) {
    this.#context = context
  }

  /** A COPY FROM STDIN is among it, behind which nothing else may come before its data. */
  get takesCopyData(): boolean {
    return this.#takesCopyData
  }

  /** Nothing of this batch is sent. A portal that outlives it must be decided and recorded again before it runs. */
  undo(): void {
    for (const portal of this.#admitted) portal.cleared = null
    for (const portal of this.#executed) portal.isExecuted = false
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
    const { names, session, split, statementsMax } = this.#context
    if (name !== '' && this.#statement(name) !== undefined)
      return report('42P05', 'this prepared statement name is taken', 'close it first, or use another name')
    if (names.statementsCount + this.#statements.size >= statementsMax) {
      return report(
        '54000',
        `a session may hold ${statementsMax} prepared statements`,
        'close those that are not needed',
      )
    }
    if (names.heldBytes > this.#context.heldBytesMax) return tooMuchHeld()
    // The input of such a type may run code of this database, past every rule about it (threats P11).
    if (parameterTypes.some(oid => oid >= USER_OID_MIN)) return userType()
    const pieces = split(query)
    if (pieces === null) return this.#refuseUnread(query)
    if (pieces.length > 1)
      return report('42601', 'a prepared statement holds one statement only', 'prepare each by itself')
    const text = pieces[0]?.text ?? ''
    let sentText = ''
    let withheld = false
    if (text !== '') {
      const judgement = await session.judge(text)
      if (judgement.kind !== 'permitted') return this.#refuseUnread(text)
      sentText = judgement.rewritten
      withheld = hidesValues(judgement.decision.obligations)
    }
    const statement: PreparedStatement = {
      name,
      upstreamName: names.upstreamNameFor(name),
      text,
      sentText,
      parameterTypes,
      isEmpty: text === '',
      described: null,
      revealed: null,
      withheld,
    }
    this.#statements.set(name, statement)
    const view: ErrorView = {
      withheld,
      positionShift: sentText === text ? (pieces[0]?.start ?? 0) : null,
    }
    this.#send(encodeParse({ name: statement.upstreamName, query: sentText, parameterTypes }), {
      kind: 'parse',
      show: true,
      commit: () => names.addStatement(statement),
      view,
    })
    return null
  }

  /** Submits a text that can't be planned, so that its refusal is recorded. */
  async #refuseUnread(text: string): Promise<Report> {
    const verdict = await this.#context.admit(text, [])
    if (verdict.kind === 'cleared') this.cleared.push(verdict.cleared)
    return refusalOfUnread(verdict, text)
  }

  async #bind(message: Bind, isDoomed: boolean): Promise<Report | null> {
    const { names, heldBytesMax } = this.#context
    if (names.heldBytes > heldBytesMax) return tooMuchHeld()
    const statement = this.#statement(message.statement)
    if (statement === undefined) return unknownStatement()
    if (message.portal !== '' && this.#portal(message.portal) !== undefined)
      return report('42P03', 'this portal name is taken', 'close it first')
    const portal: Portal = {
      name: message.portal,
      upstreamName: names.upstreamNameFor(message.portal),
      statement,
      parameters: parametersOf(message, statement),
      cleared: null,
      isExecuted: false,
      columns: null,
      mask: null,
      rows: 0,
      bytes: 0,
    }
    // The server plans at Bind, and planning may run functions, so it is no earlier than the account of them.
    const problem = isDoomed || statement.isEmpty ? null : await this.#admit(portal)
    if (problem !== null) return problem
    this.#portals.set(portal.name, portal)
    this.#send(encodeBind({ ...message, portal: portal.upstreamName, statement: statement.upstreamName }), {
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
      const statement = this.#statement(name)
      if (statement === undefined) return unknownStatement()
      this.#send(encodeDescribe({ kind, name: statement.upstreamName }), {
        kind: 'describe-statement',
        view: bindView(statement),
      })
      return null
    }
    const portal = this.#portal(name)
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
    const portal = this.#portal(name)
    if (portal === undefined) return unknownPortal()
    if (isDoomed) return null
    const { upstreamName, statement } = portal
    const message =
      upstreamName === '' && rowsMax === 0 ? EXECUTE_UNNAMED : encodeExecute({ portal: upstreamName, rowsMax })
    if (statement.isEmpty) {
      this.#send(message, { kind: 'execute-empty', view: PLAIN_VIEW })
      return null
    }
    // One that an error kept from running has been accounted for, and is decided anew.
    const problem = portal.cleared === null ? await this.#admit(portal) : null
    const { cleared } = portal
    if (problem !== null || cleared === null) return problem
    // Rows of a portal that nobody described would go out unchecked (threats P5, P6).
    if (portal.columns !== null) revealPortal(this.#context.session, portal)
    else if (!this.#described.has(portal)) this.#describePortal(portal, 'nothing')
    if (!portal.isExecuted) this.#executed.push(portal)
    portal.isExecuted = true
    this.#takesCopyData = cleared.facts.copy === 'in'
    const view = viewOf(cleared, statement.text, 0)
    this.#send(message, { kind: 'execute', running: { cleared, portal, startedMs: null, stopped: null }, view })
    return null
  }

  /** Has a portal's statement decided and recorded. */
  async #admit(portal: Portal): Promise<Report | null> {
    const { statement, parameters } = portal
    const verdict = await this.#context.admit(statement.text, parameters)
    if (verdict.kind === 'refused') return refusalReport(verdict.refusal, statement.text)
    this.cleared.push(verdict.cleared)
    // Schema or policy moved since Parse: what the server holds isn't what was judged now (threats N4).
    if (verdict.cleared.statement.text !== statement.sentText) return stale()
    const why = whyUnserved(verdict.cleared)
    if (why !== null) return why
    this.#admitted.push(portal)
    portal.cleared = verdict.cleared
    return null
  }

  #close({ kind, name }: Close): Report | null {
    const { names } = this.#context
    const known = kind === 'statement' ? this.#statement(name) : this.#portal(name)
    // Closing what isn't there is no error; a name that never was keeps the server's answer in its place.
    const upstreamName = known?.upstreamName ?? names.upstreamNameFor('none')
    if (kind === 'statement') this.#statements.set(name, null)
    else this.#portals.set(name, null)
    const commit = (): void => (kind === 'statement' ? names.removeStatement(name) : names.removePortal(name))
    this.#send(encodeClose({ kind, name: upstreamName }), { kind: 'close', show: true, commit, view: PLAIN_VIEW })
    return null
  }

  #send(message: Uint8Array, expected: Expected): void {
    this.steps.push({ message, expected })
  }

  #statement(name: string): PreparedStatement | undefined {
    const planned = this.#statements.get(name)
    return planned === undefined ? this.#context.names.statement(name) : (planned ?? undefined)
  }

  #portal(name: string): Portal | undefined {
    const planned = this.#portals.get(name)
    return planned === undefined ? this.#context.names.portal(name) : (planned ?? undefined)
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

/** Parameter conversion can fail with the parameter's value in the text; that value is the client's own. */
const bindView = ({ withheld }: PreparedStatement): ErrorView => ({ withheld, positionShift: null })

const report = (sqlstate: string, message: string, hint: string): Report => ({ sqlstate, message, hint })
const tooMuchHeld = (): Report =>
  report(
    '54000',
    'this session holds too many bytes in prepared statements and portals',
    'close those that are not needed',
  )
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
const stale = (): Report =>
  report(
    '0A000',
    'the schema or the policy changed since this statement was prepared',
    'prepare it again; it will be judged as things are now',
  )
