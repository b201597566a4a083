import { EFFECTS, type Effect, type Entry, type MaskKind, REFUSAL_CODES, type Refusal } from '@querywarden/policy-core'
import type { Registry } from 'prom-client'
import { type Tally, tallyFamily } from './tally.ts'

/** From harmless to not understood: a statement counts under the last of these that it has. */
const STRENGTH: readonly Effect[] = [
  'read',
  'session',
  'transaction',
  'write',
  'procedural',
  'maintenance',
  'ddl',
  'dcl',
  'external',
  'unknown',
]
const DECISIONS = ['allow', 'approve', 'deny', 'none'] as const
type Decided = (typeof DECISIONS)[number]
const OUTCOMES = ['done', 'failed', 'cancelled', 'not-run', 'unknown', 'refused'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** The series of one effect and decision, by outcome. */
export type ByOutcome = Readonly<Record<Outcome, Tally>>

type Intent = Extract<Entry, { kind: 'intent' }>
type Refused = Extract<Entry, { kind: 'refused' }>

/** What statements did and what became of them, in numbers. */
export interface StatementTallies {
  /** Counts what is known before it runs, and gives where its outcome is to be counted. */
  readonly intent: (entry: Intent) => ByOutcome
  readonly refused: (entry: Refused) => void
  readonly rows: Tally
  readonly resultBytes: Tally
  readonly maskedRows: Tally
  /** Makes a series for each rule, so that one which never fires shows as such. */
  readonly knowRules: (ids: readonly string[]) => void
}

/** A policy with more rules than this has the others counted together. */
const RULES_MAX = 2_000

export function statementTallies(registry: Registry): StatementTallies {
  const statements = outcomeTable(registry)
  const refusals = tallyFamily({
    registry,
    name: 'querywarden_refusals_total',
    help: 'Statements refused, by the code that the client is told.',
    labelNames: ['code'],
    seriesMax: REFUSAL_CODES.length + 1,
  })
  const refusalsByCode = new Map(REFUSAL_CODES.map(code => [code, refusals.of({ code })]))
  const masks = tallyFamily({
    registry,
    name: 'querywarden_masked_columns_total',
    help: 'Columns put behind a mask, counted once for each statement that uses them.',
    labelNames: ['mask'],
    seriesMax: 32,
  })
  const masksByKind = new Map<MaskKind, Tally>()
  const maskTally = (mask: MaskKind): Tally => {
    const tally = masksByKind.get(mask) ?? masks.of({ mask })
    masksByKind.set(mask, tally)
    return tally
  }
  const plain = (name: string, help: string): Tally =>
    tallyFamily({ registry, name, help, labelNames: [], seriesMax: 1 }).of({})
  const { hit, knowRules } = ruleHits(registry)
  return {
    intent: entry => {
      hit(entry.reasons)
      for (const { columns } of entry.obligations.masks) for (const { mask } of columns) maskTally(mask.kind).n += 1
      return statements(entry.effects, entry.decision)
    },
    refused: entry => {
      hit(entry.reasons)
      const byCode = refusalsByCode.get(entry.refusal.code)
      if (byCode !== undefined) byCode.n += 1
      statements(entry.effects, decidedBy(entry.refusal)).refused.n += 1
    },
    rows: plain('querywarden_rows_total', 'Rows that databases gave or changed, as their statements ended.'),
    resultBytes: plain('querywarden_result_bytes_total', 'Bytes of results handed to clients.'),
    maskedRows: plain('querywarden_masked_rows_total', 'Rows of statements that saw a column only through a mask.'),
    knowRules,
  }
}

function outcomeTable(registry: Registry): (effects: readonly Effect[], decision: Decided) => ByOutcome {
  const family = tallyFamily({
    registry,
    name: 'querywarden_statements_total',
    help: 'Statements, by the gravest of their effects, the decision on them and what became of them.',
    labelNames: ['effect', 'decision', 'outcome'],
    seriesMax: EFFECTS.length * DECISIONS.length * OUTCOMES.length + 1,
  })
  // Made when first met: most of the table stays empty for ever.
  const rowsOf = (effect: Effect): Map<Decided, ByOutcome> => {
    const rows = table.get(effect) ?? new Map<Decided, ByOutcome>()
    table.set(effect, rows)
    return rows
  }
  const table = new Map<Effect, Map<Decided, ByOutcome>>()
  const make = (effect: Effect, decision: Decided): ByOutcome => {
    const of = (outcome: Outcome): Tally => family.of({ effect, decision, outcome })
    const made: ByOutcome = {
      done: of('done'),
      failed: of('failed'),
      cancelled: of('cancelled'),
      'not-run': of('not-run'),
      unknown: of('unknown'),
      refused: of('refused'),
    }
    rowsOf(effect).set(decision, made)
    return made
  }
  return (effects, decision) => {
    const effect = gravest(effects)
    return table.get(effect)?.get(decision) ?? make(effect, decision)
  }
}

const STRENGTH_OF = new Map(STRENGTH.map((effect, i) => [effect, i]))

function gravest(effects: readonly Effect[]): Effect {
  let strongest = -1
  for (const effect of effects) {
    const strength = STRENGTH_OF.get(effect) ?? STRENGTH.length
    if (strength > strongest) strongest = strength
  }
  return STRENGTH[strongest] ?? 'unknown'
}

/** Whose no it was: the policy's, the approvers', or nobody's because it was never asked. */
function decidedBy({ code }: Refusal): Decided {
  switch (code) {
    case 'DENIED_BY_RULE':
    case 'NO_RULE_ALLOWS':
    case 'NOT_UNDERSTOOD':
    case 'PROHIBITED':
    case 'CANNOT_MASK':
      return 'deny'
    case 'APPROVAL_DENIED':
    case 'APPROVAL_EXPIRED':
    case 'APPROVAL_WITHDRAWN':
    case 'APPROVAL_INSIDE_TRANSACTION':
    case 'APPROVER_FAILED':
      return 'approve'
    default:
      return 'none'
  }
}

type Reasons = Intent['reasons']

function ruleHits(registry: Registry): {
  readonly hit: (reasons: Reasons) => void
  readonly knowRules: (ids: readonly string[]) => void
} {
  const family = tallyFamily({
    registry,
    name: 'querywarden_rule_hits_total',
    help: 'Statements in whose decision a rule had a say.',
    labelNames: ['rule'],
    seriesMax: RULES_MAX,
  })
  // A judgement that is used again comes with the same reasons.
  const known = new WeakMap<Reasons, readonly Tally[]>()
  const tallied = (reasons: Reasons): readonly Tally[] => {
    const rules = new Set(reasons.flatMap(reason => reason.rules))
    const tallies = [...rules].map(rule => family.of({ rule }))
    known.set(reasons, tallies)
    return tallies
  }
  return {
    hit: reasons => {
      for (const tally of known.get(reasons) ?? tallied(reasons)) tally.n += 1
    },
    knowRules: ids => {
      for (const rule of ids) family.of({ rule })
    },
  }
}
