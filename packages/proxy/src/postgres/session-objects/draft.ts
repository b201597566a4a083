import type { Judged } from '@querywarden/policy-core'
import type { SessionCommand } from '@querywarden/sql/postgres'
import type { Report } from '../error-response.ts'
import { hidesValues } from '../expected.ts'
import type { Judge } from '../plan.ts'
import type { Portal } from '../portal.ts'
import type { PreparedStatement } from '../prepared-statement.ts'
import type { SplitStatement } from '../split-text.ts'
import { isNaming, type Naming, type NamingCommand, nameUpstream, targetOf, wireText } from './naming.ts'
import type { PlannedNames } from './planned-names.ts'
import { notConstant, stale, tooManyStatements, tooMuchHeld, unclearName } from './reports.ts'

/** What is made of a statement before it gets a name. */
export interface Draft extends Pick<PreparedStatement, 'text' | 'sentText' | 'withheld' | 'naming' | 'positionShift'> {
  /** What goes upstream. */
  readonly wireText: string
}

/** `judgement`: of what would run; null where that isn't there, and the server will say so. */
export type Drafting =
  | { readonly kind: 'draft'; readonly draft: Draft; readonly judgement: Judged | null }
  /** `text` would be denied. Submitting it gets that recorded. */
  | { readonly kind: 'denied'; readonly text: string; readonly judgement: Judged }
  | { readonly kind: 'refused'; readonly report: Report; readonly judgement: Judged | null }

/** What drafting needs of the conversation. */
export interface DraftContext {
  readonly judge: Judge
  readonly statementsMax: number
  /** Bytes of texts and parameters that a session's statements and portals may hold. */
  readonly heldBytesMax: number
}

/** Has a statement judged by what it would run, and finds what it names. */
export async function draftStatement(
  context: DraftContext,
  statement: SplitStatement,
  names: PlannedNames,
): Promise<Drafting> {
  const { judge } = context
  const { command, text } = statement
  const problem = command === null ? null : whyNotToName(context, command, names)
  if (problem !== null) return { kind: 'refused', report: problem, judgement: null }
  if (command?.kind === 'execute' || command?.kind === 'fetch')
    return draftRun(judge, statement, command, subjectOf(targetOf(command, names)), names)

  const judgement = await judge(text)
  if (judgement.kind !== 'permitted') return { kind: 'denied', text, judgement }
  const sentText = judgement.rewritten
  const withheld = hidesValues(judgement.decision.obligations)
  if (command === null)
    return {
      kind: 'draft',
      judgement,
      draft: {
        text,
        sentText,
        wireText: sentText,
        withheld,
        naming: null,
        positionShift: shiftOf(statement, sentText),
      },
    }
  let inner: Naming['inner'] = null
  if (command.kind === 'prepare') {
    const judged = await judge(command.query)
    if (judged.kind !== 'permitted') return { kind: 'denied', text: command.query, judgement: judged }
    inner = { text: command.query, sentText: judged.rewritten }
    // Both readings must come to the same, or what EXECUTE is judged by would not be what it runs.
    if (sentText !== `${command.before}${inner.sentText}`) return { kind: 'refused', report: stale(), judgement }
  }
  const named = isNaming(command) ? nameUpstream(command, names) : { upstreamName: '', isSpent: false }
  return finished(statement, judgement, { sentText, withheld, naming: { command, inner, ...named } })
}

/** Why a command can't be followed, whatever it names. */
export function whyNotToName(
  { statementsMax, heldBytesMax }: Pick<DraftContext, 'statementsMax' | 'heldBytesMax'>,
  command: SessionCommand,
  names: PlannedNames,
): Report | null {
  switch (command.kind) {
    case 'unclear':
      return unclearName()
    case 'execute':
      return command.values === null ? notConstant() : null
    case 'prepare':
      if (names.statementsCount >= statementsMax) return tooManyStatements(statementsMax)
      return names.heldBytes > heldBytesMax ? tooMuchHeld() : null
    case 'declare':
      return names.heldBytes > heldBytesMax ? tooMuchHeld() : null
    default:
      return null
  }
}

const subjectOf = (target: PreparedStatement | Portal | null): PreparedStatement | null =>
  target !== null && 'subject' in target ? target.subject : target

/** EXECUTE and FETCH are judged by the statement that their rows come from, as things are now. */
async function draftRun(
  judge: Judge,
  statement: SplitStatement,
  command: NamingCommand,
  subject: PreparedStatement | null,
  names: PlannedNames,
): Promise<Drafting> {
  const naming: Naming = { command, inner: null, ...nameUpstream(command, names) }
  const withheld = subject?.withheld ?? false
  if (subject === null || subject.isEmpty)
    return finished(statement, null, { sentText: statement.text, withheld, naming })
  const judgement = await judge(subject.text)
  if (judgement.kind !== 'permitted') return { kind: 'denied', text: subject.text, judgement }
  if (judgement.rewritten !== subject.sentText) return { kind: 'refused', report: stale(), judgement }
  return finished(statement, judgement, { sentText: statement.text, withheld, naming })
}

function finished(
  statement: SplitStatement,
  judgement: Judged | null,
  parts: Pick<Draft, 'sentText' | 'withheld'> & { readonly naming: Naming },
): Drafting {
  const wire = wireText(parts.sentText, parts.naming)
  if (wire === null) return { kind: 'refused', report: unclearName(), judgement }
  const shift = shiftOf(statement, parts.sentText)
  const draft = {
    ...parts,
    text: statement.text,
    wireText: wire,
    positionShift: shift === null ? null : shift + charactersOf(parts.sentText) - charactersOf(wire),
  }
  return { kind: 'draft', judgement, draft }
}

const shiftOf = ({ text, start }: SplitStatement, sentText: string): number | null => (sentText === text ? start : null)

const charactersOf = (text: string): number => [...text].length
