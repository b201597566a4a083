import {
  type Decision,
  type Effect,
  effectsOf,
  explain,
  type NearMiss,
  type Place,
  printable,
  type Refusal,
  relationKey,
} from '@querywarden/policy-core'
import { excerptOf, type Spot, spotOf } from './excerpt.ts'
import type { Outcome, RehearsedStatement } from './rehearsal.ts'

/** What would become of one statement, for people and for programs. */
export interface ToldStatement {
  readonly statement: string
  readonly outcome: Outcome
  readonly effects: readonly Effect[]
  /** What the policy says; null where there is nothing to ask it about. */
  readonly decision: Decision | null
  /** Why it is denied, whoever denies it, or null. */
  readonly refusal: Refusal | null
  /** Where no rule allows it, those that would but for a condition or two. */
  readonly nearest: readonly NearMiss[]
  /** Columns that it names and the schema doesn't have, as `schema.relation.column`, where it would run. */
  readonly absent: readonly string[]
  /** Why its masks can't be put into it, or null. */
  readonly cannotMask: { readonly why: string; readonly hint: string } | null
  /** The place that decided, in the statement or in what its EXECUTE or FETCH runs. */
  readonly decidedAt: Spot | null
  /** All of it in plain lines. */
  readonly explanation: string
}

/** Tells a rehearsed statement. */
export function tellStatement(rehearsed: RehearsedStatement): ToldStatement {
  const { text, judged, judgement, outcome, refusal } = rehearsed
  const place = decidingPlace(rehearsed)
  const absent = absentColumns(rehearsed)
  const nearest = refusal?.code === 'NO_RULE_ALLOWS' ? rehearsed.nearest() : []
  const lines = [
    ...linesOf(rehearsed, nearest),
    ...absent.map(name => `  absent   ${name}: no such column in the schema; the database would refuse it`),
    ...(place === null ? [] : ['', ...excerptOf(judged, place).map(line => `  ${line}`)]),
  ]
  return {
    statement: text,
    outcome,
    effects: judgement === null ? ['unknown'] : effectsOf(judgement.facts),
    decision: judgement?.decision ?? null,
    refusal,
    nearest,
    absent,
    cannotMask: refusal?.code === 'CANNOT_MASK' ? { why: refusal.message, hint: refusal.hint } : null,
    decidedAt: place === null ? null : spotOf(judged, place),
    explanation: lines.join('\n'),
  }
}

function linesOf(
  { text, judged, judgement, refusal }: RehearsedStatement,
  nearest: readonly NearMiss[],
): readonly string[] {
  if (judgement === null) return refusal === null ? [] : refusedLines(refusal)
  const ruled = explain(judgement.decision, judgement.facts, { columns: [], nearest })
  const runs = text === judged ? [] : [`it runs: ${printable(judged.replaceAll('\n', ' '))}`]
  return refusal === null || judgement.decision.kind === 'deny'
    ? [ruled, ...runs]
    : [...refusedLines(refusal), `without that it would be: ${ruled}`, ...runs]
}

/** What a policy lets through, the database may still refuse: whoever mistyped a column should hear of it here. */
function absentColumns({ judgement }: RehearsedStatement): readonly string[] {
  if (judgement?.kind !== 'permitted') return []
  const { facts, catalog } = judgement
  // A function of one row is called like a column of it.
  const called = new Set(facts.calls.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))
  const absent = facts.columns.filter(({ column, ...named }) => {
    const relation = catalog.relations.get(relationKey(named))
    if (relation === undefined || column === '*' || SYSTEM_COLUMNS.has(column) || called.has(column)) return false
    return !relation.columns.some(({ name }) => name === column)
  })
  return [...new Set(absent.map(({ schema, name, column }) => `${schema}.${name}.${column}`))]
}

/** What every table has besides its own columns (PostgreSQL, section 5.6). */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'])

const refusedLines = ({ code, message, hint }: Refusal): readonly string[] => [
  `deny (${code})`,
  `  ${message}`,
  `  next: ${hint}`,
]

/** Of a denial the place that is refused, else the first that got the answer that the whole has. */
function decidingPlace({ judgement, outcome, refusal, judged }: RehearsedStatement): Place | null {
  const place = refusal === null ? null : refusal.place
  if (place !== null) return place
  if (judgement === null) return null
  const { facts } = judgement
  if (facts.kind === 'opaque' && facts.offset !== null)
    return { start: facts.offset, end: Math.min(facts.offset + 1, Buffer.byteLength(judged)) }
  return judgement.decision.reasons.find(({ answer }) => answer === outcome)?.place ?? null
}
