import type { Cleared, Obligations } from '@querywarden/policy-core'
import { type Report, refusalOfUnread, refusalReport } from '../error-response.ts'
import type { Admit, Judge } from '../plan.ts'
import type { Portal, Run } from '../portal.ts'
import { whyUnserved } from '../unserved.ts'
import { namingOf } from './naming.ts'
import { notItsRows, notToExecute, stale } from './reports.ts'

/** What of a batch was decided and recorded, in case that it comes to nothing. */
export class Admissions {
  readonly cleared: Cleared[] = []
  readonly #judge: Judge
  readonly #admit: Admit
  /** How many statements had been cleared when each was admitted. */
  readonly #admitted = new Map<Run, number>()
  readonly #begun: Run[] = []

  constructor(judge: Judge, admit: Admit) {
    this.#judge = judge
    this.#admit = admit
  }

  /** Has a portal's run decided and recorded, unless it was before: one that an error kept from running is decided anew. */
  async admit(portal: Portal): Promise<Report | null> {
    const { subject, parameters, run } = portal
    if (run.cleared !== null) return (await this.#whyMoved(portal, run.cleared)) ?? whyUnfit(portal, run.cleared)
    const verdict = await this.#admit(subject.text, parameters, isOfArguments(portal))
    if (verdict.kind === 'refused') return refusalReport(verdict.refusal, subject.text)
    this.cleared.push(verdict.cleared)
    // Schema or policy moved since Parse: what the server holds isn't what was judged now (threats N4).
    if (verdict.cleared.statement.text !== subject.sentText) return stale()
    const why = whyUnserved(verdict.cleared) ?? whyUnfit(portal, verdict.cleared)
    if (why !== null) return why
    this.#admitted.set(run, this.cleared.length)
    run.cleared = verdict.cleared
    return null
  }

  /**
   * Nothing more is given of a run than what would be cleared as it was, by the policy and the schema as they are now
   * (threats P5). So it is within a batch: what was bound ahead of a BEGIN or a CREATE FUNCTION runs behind it (threats N2).
   */
  async #whyMoved(portal: Portal, cleared: Cleared): Promise<Report | null> {
    const { subject, parameters, run } = portal
    if (this.#admitted.get(run) === this.cleared.length) return null
    const judgement = await this.#judge(subject.text, cleared)
    if (judgement.kind !== 'permitted') {
      // So that its refusal is recorded.
      const verdict = await this.#admit(subject.text, parameters, isOfArguments(portal))
      if (verdict.kind === 'cleared') this.cleared.push(verdict.cleared)
      return refusalOfUnread(verdict, subject.text)
    }
    const { decision, rewritten } = judgement
    const isSame =
      rewritten === subject.sentText &&
      decision.kind === (cleared.approval === null ? 'allow' : 'approve') &&
      isSameDuty(decision.obligations, cleared.obligations)
    return isSame ? null : stale()
  }

  /** Something of a run is about to be sent. */
  begin({ run }: Portal): void {
    if (!run.isBegun) this.#begun.push(run)
    run.isBegun = true
  }

  /** Nothing of the batch is sent. What outlives it must be decided and recorded again before it runs. */
  undo(): void {
    for (const run of this.#admitted.keys()) run.cleared = null
    for (const run of this.#begun) run.isBegun = false
  }
}

/**
 * Whether its parameters are those of an EXECUTE: constants of SQL, which the server first makes values of other types of.
 * `execute p(1e3)` gives a text `1000`.
 */
const isOfArguments = (portal: Portal): boolean =>
  namingOf(portal)?.command.kind === 'execute' && portal.parameters.length > 0

const isSameDuty = (a: Obligations, b: Obligations): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

/** What PREPARE takes. Of others that the protocol can prepare, EXECUTE would run in ways that nothing here follows. */
const EXECUTABLE: ReadonlySet<string> = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** Why what a portal would run can't be run by what names it: EXECUTE and FETCH are for less than the protocol is. */
export function whyUnfit(portal: Portal, { facts }: Pick<Cleared, 'facts'>): Report | null {
  switch (namingOf(portal)?.command.kind) {
    case 'execute':
      return EXECUTABLE.has(facts.tag) && facts.copy === null ? null : notToExecute()
    case 'fetch':
      return facts.copy === null ? null : notItsRows()
    default:
      return null
  }
}
