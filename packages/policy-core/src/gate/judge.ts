import { type Catalog, relationKey } from '../catalog.ts'
import type { Decision, Refusal } from '../decision.ts'
import type { Entry } from '../entry.ts'
import type { Facts } from '../facts.ts'
import type { Classifier, Lookup, Masking, Rewriter, Rewriting } from '../hooks.ts'
import type { Standing } from '../policy/standing.ts'
import type { Parameter, Statement } from '../statement.ts'
import type { Target } from '../target.ts'
import { inDoubt } from './in-doubt.ts'
import { butForProven, decisionButForProven } from './proven-columns.ts'
import type { Ruling, Rulings } from './rulings.ts'

/** The answer to a text before its parameters, a person or the recorder come in. Good until policy or catalog change. */
export type Judgement =
  | {
      readonly kind: 'refused'
      readonly text: string
      readonly facts: Facts
      readonly decision: Decision
      readonly refusal: Refusal
    }
  | {
      readonly kind: 'permitted'
      readonly text: string
      readonly facts: Extract<Facts, { kind: 'understood' }>
      readonly decision: Extract<Decision, { kind: 'allow' | 'approve' }>
      /** What to send: the masks are in it. */
      readonly rewritten: string
      /** Values that it looks up in masked columns: charged each time that it is cleared. */
      readonly lookups: readonly Lookup[]
      readonly catalog: Catalog
      readonly policyVersion: string
      /** What the policy hides of a relation, for the check of results. */
      readonly maskedColumns: Standing['maskedColumns']
      /**
       * What a recording says of every run of it. Its parts are the same objects each time, so that a recorder may know
       * them again.
       */
      readonly account: StatementAccount
    }

/** The part of an intent that a text, a policy and a catalog settle between them. */
export type StatementAccount = Omit<Extract<Entry, { kind: 'intent' }>, 'kind' | 'statement' | 'params' | 'approval'>

export interface JudgeHooks {
  readonly classify: Classifier
  readonly rewrite: Rewriter
  readonly mask: Masking
}

/** What a text is judged by. */
interface Case {
  readonly hooks: JudgeHooks
  readonly rulings: Rulings
  readonly statement: Statement
  readonly catalog: Catalog
}

/**
 * Classifies, decides and rewrites one statement. Pure, but for what its hooks remember. A promise only where a hook gave
 * one: most texts are judged without.
 */
export function judge(
  hooks: JudgeHooks,
  rulings: Rulings,
  target: Target,
  text: string,
  catalog: Catalog,
  codeInDoubt = false,
): Judgement | Promise<Judgement> {
  const statement: Statement = { dialect: target.dialect, text, params: [] }
  const one: Case = { hooks, rulings, statement, catalog }
  const facts = hooks.classify(statement, catalog, rulings.asker)
  const known = (found: Facts): Facts => (codeInDoubt ? inDoubt(found) : found)
  return facts instanceof Promise ? facts.then(late => judgeFacts(one, known(late))) : judgeFacts(one, known(facts))
}

function judgeFacts(one: Case, facts: Facts): Judgement | Promise<Judgement> {
  const { hooks, rulings, statement, catalog } = one
  const { text } = statement
  const ruling = rulings.on(facts)
  const { decision } = ruling
  if (decision.kind === 'deny') return { kind: 'refused', text, facts, decision, refusal: decision.refusal }
  if (facts.kind === 'opaque') return { kind: 'refused', text, facts, decision, refusal: notUnderstood(facts) }
  if (facts.copy === 'out' && decision.obligations.detect.length > 0 && !canLookIntoCopy(hooks, facts))
    return { kind: 'refused', text, facts, decision, refusal: CANNOT_LOOK_INTO_COPY }

  const { masks } = decision.obligations
  const rewriting = hooks.rewrite(statement, facts, masks, hooks.mask.sql, catalog, rulings.asker)
  const finish = (found: Rewriting): Judgement => withRewriting(one, facts, decision, ruling, found)
  return rewriting instanceof Promise ? rewriting.then(finish) : finish(rewriting)
}

function withRewriting(
  { statement: { text }, catalog, rulings }: Case,
  facts: Extract<Facts, { kind: 'understood' }>,
  decided: Extract<Decision, { kind: 'allow' | 'approve' }>,
  { effects, relations, functions }: Pick<Ruling, 'effects' | 'relations' | 'functions'>,
  rewriting: Rewriting,
): Judgement {
  if (rewriting.kind === 'impossible') {
    const refusal: Refusal = {
      code: rewriting.code ?? 'CANNOT_MASK',
      rule: null,
      message: `statement refused: ${rewriting.why}`,
      hint: rewriting.hint,
      place: rewriting.place,
      request: null,
    }
    return { kind: 'refused', text, facts, decision: decided, refusal }
  }
  const { proven = [] } = rewriting
  const maskedColumns = ofWholeRelations(rulings.maskedColumns, catalog)
  const decision = withheldBehindCode(decisionButForProven(decided, proven), facts, maskedColumns)
  return {
    kind: 'permitted',
    text,
    facts,
    decision,
    rewritten: rewriting.text,
    lookups: rewriting.lookups ?? NO_LOOKUPS,
    catalog,
    policyVersion: rulings.policy.version,
    maskedColumns: butForProven(maskedColumns, proven),
    account: {
      text,
      canonical: facts.canonical,
      tag: facts.tag,
      effects,
      relations,
      functions,
      decision: decision.kind,
      reasons: decision.reasons,
      obligations: decision.obligations,
    },
  }
}

/** What is known of a relation that code works on is only what the code names of it; the catalog has all of it. */
const ofWholeRelations =
  (maskedColumns: Standing['maskedColumns'], { relations }: Catalog): Standing['maskedColumns'] =>
  relation =>
    maskedColumns(relations.get(relationKey(relation)) ?? relation)

function withheldBehindCode<D extends Extract<Decision, { kind: 'allow' | 'approve' }>>(
  decision: D,
  { uses }: Extract<Facts, { kind: 'understood' }>,
  maskedColumns: Standing['maskedColumns'],
): D {
  const touches = uses.some(
    use =>
      use.kind === 'relation' &&
      use.via !== undefined &&
      use.relation.kind !== 'catalog' &&
      maskedColumns(use.relation).length > 0,
  )
  return touches ? { ...decision, obligations: { ...decision.obligations, withholdsWords: true } } : decision
}

const NO_LOOKUPS: readonly Lookup[] = []

/** The intent of one run. Field by field: spreading an object costs several times as much, and this is done for every statement. */
export const intentOf = (
  statement: number,
  account: StatementAccount,
  params: readonly Parameter[],
  approval: string | null,
): Extract<Entry, { kind: 'intent' }> => ({
  kind: 'intent',
  statement,
  text: account.text,
  canonical: account.canonical,
  params,
  tag: account.tag,
  effects: account.effects,
  relations: account.relations,
  functions: account.functions,
  decision: account.decision,
  reasons: account.reasons,
  approval,
  obligations: account.obligations,
})

const canLookIntoCopy = ({ mask }: JudgeHooks, { copyFormat }: Extract<Facts, { kind: 'understood' }>): boolean =>
  mask.copy !== undefined && copyFormat !== undefined

/** Detectors look at values, and where one ends in COPY data only its format tells. */
const CANNOT_LOOK_INTO_COPY: Refusal = {
  code: 'CANNOT_MASK',
  rule: null,
  message:
    'statement refused: the policy looks for protected values in results, and this COPY data can not be looked into',
  hint: 'send the query by itself, without COPY',
  place: null,
  request: null,
}

/** `decide` refuses opaque facts by itself; this keeps the gate sound should it ever not. */
const notUnderstood = (facts: Extract<Facts, { kind: 'opaque' }>): Refusal => ({
  code: 'NOT_UNDERSTOOD',
  rule: null,
  message: `statement refused: ${facts.message}`,
  hint: 'send one statement that the server itself would parse',
  place: null,
  request: null,
})
