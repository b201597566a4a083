import { INSIDE_TRANSACTION, type Judgement, type NearMiss, type Refusal } from '@querywarden/policy-core'
import type { SessionCommand, SplitStatement } from '@querywarden/sql/postgres'
import type { Portal } from '../postgres/portal.ts'
import { preparedStatement } from '../postgres/prepared-statement.ts'
import { whyUnfit } from '../postgres/session-objects/admissions.ts'
import { planNames } from '../postgres/session-objects/after-execute.ts'
import { whyNotToName } from '../postgres/session-objects/draft.ts'
import { isMissing, isNaming, type Naming, nameUpstream, portalOf } from '../postgres/session-objects/naming.ts'
import type { PlannedNames } from '../postgres/session-objects/planned-names.ts'
import { whyUnserved } from '../postgres/unserved.ts'
import { namesNothing, type RehearsedStatement, refusalOf } from './rehearsal.ts'
import type { Story } from './rehearse.ts'

/** A statement, and what becomes of the session's names by it. */
interface Told {
  readonly statement: RehearsedStatement
  readonly commit: () => void
}

/** Has one statement judged by what it would run, and gives what it leaves behind. */
export async function rehearseStatement(story: Story, planned: PlannedNames, piece: SplitStatement): Promise<Told> {
  const { text, command } = piece
  if (command === null) {
    const judgement = await judged(story, text)
    return { statement: stated(story, text, text, judgement, whyNot(story, judgement, null)), commit: nothing }
  }
  const portal = portalOf(preparedFor(text, command, planned), UNNAMED, planned)
  const unfit = whyNotToName(NO_LIMITS, command, planned)
  if (!('run' in portal))
    return {
      statement: stated(story, text, text, await judged(story, text), refusalOf(unfit ?? portal)),
      commit: nothing,
    }
  if (isMissing(portal))
    return { statement: stated(story, text, text, null, namesNothing(command.kind)), commit: nothing }

  const { subject } = portal
  const judgement = await judged(story, subject.text)
  const refusal =
    (unfit === null ? null : refusalOf(unfit)) ??
    whyNot(story, judgement, portal) ??
    (await whyNotPrepared(story, command))
  const commit = planNames(portal, planned, story.names)
  const tag = judgement.facts.kind === 'understood' ? judgement.facts.tag : ''
  return { statement: stated(story, text, subject.text, judgement, refusal), commit: () => commit?.(tag) }
}

async function judged({ session, inTransaction, multiStatement }: Story, text: string): Promise<Judgement> {
  const judgement = await session.judge(text, { inTransaction, multiStatement })
  if (judgement.kind === 'unavailable') throw new Error(judgement.refusal.message)
  return judgement
}

/** Why a judged statement would not run, or null. What needs a person is no refusal, unless nobody can be waited for. */
function whyNot({ inTransaction }: Story, judgement: Judgement, portal: Portal | null): Refusal | null {
  if (judgement.kind === 'refused') return judgement.refusal
  const report = whyUnserved(judgement) ?? (portal === null ? null : whyUnfit(portal, judgement))
  if (report !== null) return refusalOf(report)
  return inTransaction && judgement.decision.kind === 'approve' ? INSIDE_TRANSACTION : null
}

/** What PREPARE makes ready is judged by itself too, as each EXECUTE of it will be. */
async function whyNotPrepared(story: Story, command: SessionCommand): Promise<Refusal | null> {
  if (command.kind !== 'prepare') return null
  const judgement = await judged(story, command.query)
  return judgement.kind === 'refused' ? judgement.refusal : null
}

const stated = (
  story: Story,
  text: string,
  judgedText: string,
  judgement: Judgement | null,
  refusal: Refusal | null,
): RehearsedStatement => ({
  text,
  judged: judgedText,
  judgement,
  outcome: refusal !== null || judgement === null ? 'deny' : judgement.decision.kind,
  refusal,
  nearest: nearestIn(story, judgement),
})

/** By the circumstances of now: the story goes on. */
function nearestIn(
  { nearest, inTransaction, multiStatement }: Story,
  judgement: Judgement | null,
): () => readonly NearMiss[] {
  return () => (judgement === null ? [] : nearest(judgement.facts, { inTransaction, multiStatement }))
}

/** Nothing is sent, so nothing is rewritten. */
function preparedFor(text: string, command: SessionCommand, planned: PlannedNames) {
  const inner = command.kind === 'prepare' ? { text: command.query, sentText: command.query } : null
  const named = isNaming(command) ? nameUpstream(command, planned) : { upstreamName: '', isSpent: false }
  const naming: Naming = { command, inner, ...named }
  return preparedStatement({ ...UNNAMED_STATEMENT, text, sentText: text, naming })
}

const UNNAMED = { name: '', upstreamName: '', parameters: [] } as const
const UNNAMED_STATEMENT = {
  name: '',
  upstreamName: '',
  parameterTypes: [],
  isEmpty: false,
  withheld: false,
  positionShift: null,
} as const

/** How much a session holds is a matter of its life, not of its policy. */
const NO_LIMITS = { statementsMax: Number.POSITIVE_INFINITY, heldBytesMax: Number.POSITIVE_INFINITY }

const nothing = (): void => undefined
