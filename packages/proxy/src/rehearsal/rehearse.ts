import {
  type Catalog,
  type CompiledPolicy,
  type DecisionRequest,
  explanationOf,
  type Facts,
  type Instant,
  type NearMiss,
  type Principal,
  type Session,
  type Target,
} from '@querywarden/policy-core'
import { Names } from '../postgres/names.ts'
import { whyNotTogether, whyTooMany } from '../postgres/plan-query.ts'
import { PlannedNames } from '../postgres/session-objects/planned-names.ts'
import { gateToRehearse } from './gate-to-rehearse.ts'
import type { Reading } from './reading.ts'
import { type Rehearsal, type RehearsedStatement, refusalOf, strictest } from './rehearsal.ts'
import { rehearseStatement } from './rehearse-statement.ts'
import { changesMeaning, transactionAfter } from './what-it-leaves.ts'

/** Who would send statements where, and what decides on them. */
export interface RehearsalParts {
  readonly policy: CompiledPolicy
  readonly reading: Reading
  readonly catalog: Catalog
  readonly target: Target
  readonly principal: Principal
  readonly now: () => Instant
}

/** Texts as a client would send them, each as one simple query. */
export interface Script {
  /** Sent earlier in the session, and taken as done, whatever the policy says of them. */
  readonly pre: readonly string[]
  readonly sql: readonly string[]
  readonly inTransaction: boolean
}

/** A session as the gateway would have it by now. */
export interface Story {
  readonly names: Names
  session: Session
  inTransaction: boolean
  /** Whether the text at hand holds several statements. */
  multiStatement: boolean
  /** The rules that came nearest to what none allows. */
  readonly nearest: (facts: Facts, surroundings: DecisionRequest['surroundings']) => readonly NearMiss[]
}

/** Says what would become of a script, by the same steps that the gateway takes. */
export type Rehearse = (script: Script) => Promise<Rehearsal>

/**
 * Opens a rehearsal for one principal on one target. Prepared statements, cursors and savepoints are followed from text to
 * text as in the gateway; what a text would create in the database is not created, so it stays unknown.
 */
export function rehearser(parts: RehearsalParts): Rehearse {
  const { target, principal } = parts
  const gates = {
    known: gateToRehearse({ ...parts, isBeyondCatalog: false }),
    beyond: gateToRehearse({ ...parts, isBeyondCatalog: true }),
  }
  const open = (gate: keyof typeof gates): Promise<Session> =>
    gates[gate].session({ id: 'rehearsal', principal, target })
  // Sessions remember what they have judged, so most scripts share one.
  const shared: Partial<Record<keyof typeof gates, Promise<Session>>> = {}
  const sharedSession = (gate: keyof typeof gates): Promise<Session> => (shared[gate] ??= open(gate))

  return async ({ pre, sql, inTransaction }) => {
    const story: Story = {
      names: new Names(() => undefined),
      session: await sharedSession('known'),
      inTransaction,
      multiStatement: false,
      nearest: (facts, surroundings = {}) =>
        explanationOf(parts.policy, { principal, target, facts, now: parts.now(), surroundings }).nearest,
    }
    let isBeyondCatalog = false
    const told: Rehearsal[] = []
    for (const text of [...pre, ...sql]) {
      const part = await rehearseText(parts.reading, story, text)
      told.push(part)
      if (!isBeyondCatalog && changesMeaning(part)) {
        isBeyondCatalog = true
        story.session = await sharedSession('beyond')
      }
      const emptying = part.statements.find(
        ({ judgement }) => judgement?.facts.kind === 'understood' && judgement.facts.searchPath === 'emptied',
      )
      if (emptying !== undefined && emptying.outcome !== 'deny') {
        // The gate keeps account of it, in a session of its own.
        story.session = await open(isBeyondCatalog ? 'beyond' : 'known')
        await story.session.submit({ text: emptying.judged })
      }
    }
    return whole(told.slice(pre.length))
  }
}

async function rehearseText({ split }: Reading, story: Story, text: string): Promise<Rehearsal> {
  const { names, session } = story
  const pieces = split(text)
  names.removeStatement('')
  names.removePortal('')
  if (pieces === null) return unreadable(await session.judge(text), text)
  story.multiStatement = pieces.length > 1
  const planned = new PlannedNames(names)
  const told = []
  const crowd = whyTooMany(pieces.length)
  for (const piece of crowd === null ? pieces : pieces.slice(0, 1))
    told.push(await rehearseStatement(story, planned, piece))
  for (const { commit } of told) commit()
  const statements = told.map(({ statement }) => statement)
  story.inTransaction = transactionAfter(story.inTransaction, statements)
  const form = crowd ?? whyNotTogether(statements.map(({ judgement }) => judgement))
  const refusal = form === null ? firstRefusal(statements) : refusalOf(form)
  const outcome = refusal === null ? strictest(statements.map(one => one.outcome)) : 'deny'
  return { outcome, refusal, statements, count: pieces.length }
}

function unreadable(judgement: Awaited<ReturnType<Session['judge']>>, text: string): Rehearsal {
  const refusal = judgement.kind === 'permitted' ? UNREAD : judgement.refusal
  const statement: RehearsedStatement = {
    text,
    judged: text,
    judgement: judgement.kind === 'unavailable' ? null : judgement,
    outcome: 'deny',
    refusal,
    nearest: () => [],
  }
  return { outcome: 'deny', refusal, statements: [statement], count: 0 }
}

/** Should the gate see it otherwise than the splitter: nothing could be planned for it. */
const UNREAD = refusalOf({
  sqlstate: '58000',
  message: 'statement refused: it could not be read',
  hint: 'send it again',
})

const firstRefusal = (statements: readonly RehearsedStatement[]): Rehearsal['refusal'] =>
  statements.find(({ refusal }) => refusal !== null)?.refusal ?? null

function whole(parts: readonly Rehearsal[]): Rehearsal {
  const [only, second] = parts
  if (only !== undefined && second === undefined) return only
  return {
    outcome: strictest(parts.map(({ outcome }) => outcome)),
    refusal: parts.find(({ refusal }) => refusal !== null)?.refusal ?? null,
    statements: parts.flatMap(({ statements }) => statements),
    count: parts.reduce((sum, { count }) => sum + count, 0),
  }
}
