import type { Decision, Obligations, Reason, RowRecording } from './decision.ts'
import type { Explanation, NearMiss } from './explanation.ts'
import { effectsOf, type Facts } from './facts.ts'
import type { Mask } from './mask.ts'
import { printable, printableName } from './printable.ts'
import type { Place } from './statement.ts'

/**
 * A decision in plain lines, for a terminal: the answer, what the statement does and which rules spoke to it, and what
 * must hold when it runs; with more of it, the columns used and the rules that came nearest. Everything in it is in the
 * decision and the explanation as data too.
 *
 * @example
 * console.log(explain(decision, facts))
 * // deny (DENIED_BY_RULE)
 * //   statement refused by rule no-destruction: drop of public.orders is ddl. Schema changes go through migrations.
 * //   next: leave this part out: what a rule denies, no other rule and no approval can allow
 * // DROP TABLE: ddl
 * //   deny     drop of public.orders, by no-destruction (bytes 11-24)
 */
export function explain(decision: Decision, facts: Facts, { columns, nearest }: Explanation = NOTHING_MORE): string {
  const statement = facts.kind === 'opaque' ? 'not understood' : printable(facts.tag)
  return [
    ...answerLines(decision),
    `${statement}: ${effectsOf(facts).join(', ') || 'no effect'}`,
    ...decision.reasons.map(reasonLine),
    ...columns.map(({ name, roles, place }) => `  column   ${name} for ${roles.join(', ')} (${bytes(place)})`),
    ...nearest.map(nearLine),
    ...(decision.kind === 'deny' ? [] : obligationLines(decision.obligations)),
  ].join('\n')
}

const NOTHING_MORE: Explanation = { columns: [], nearest: [] }

const nearLine = ({ rule, decision, use, failed }: NearMiss): string =>
  `  nearly   ${use}: ${rule} would ${decision} it, but for ${failed.join(' and ')}`

function answerLines(decision: Decision): readonly string[] {
  switch (decision.kind) {
    case 'allow':
      return ['allow']
    case 'approve': {
      const { approverGroups, quorum, expiresMs, rules } = decision.terms
      const groups = approverGroups.map(list => `one of ${list.map(printable).join(', ')}`).join(' and ')
      return [
        'approve',
        `  asked by ${rules.join(', ')}: ${quorum} approver in ${groups}, within ${expiresMs / 1_000} s`,
      ]
    }
    case 'deny':
      return [`deny (${decision.refusal.code})`, `  ${decision.refusal.message}`, `  next: ${decision.refusal.hint}`]
  }
}

const reasonLine = ({ answer, use, rules, place }: Reason): string =>
  `  ${answer.padEnd(8)} ${use}, by ${rules.length === 0 ? 'default: no rule allows it' : rules.join(', ')} (${bytes(place)})`

const bytes = ({ start, end }: Place): string => `bytes ${start}-${end}`

function obligationLines({ masks, detect, limits, rows }: Obligations): readonly string[] {
  const { rowsMax, bytesMax, timeMsMax } = limits
  return [
    ...masks.flatMap(({ relation, columns }) =>
      columns.map(({ column, mask, entry }) => {
        const name = [relation.schema, relation.name, column.name].map(printableName).join('.')
        return `  mask     ${name} with ${maskName(mask)}, by masks[${entry}]`
      }),
    ),
    ...detect.map(({ detector, mask }) => `  mask     whatever looks like ${detector} with ${maskName(mask)}`),
    ...(rowsMax === null ? [] : [`  limit    ${rowsMax} rows`]),
    ...(bytesMax === null ? [] : [`  limit    ${bytesMax} bytes`]),
    ...(timeMsMax === null ? [] : [`  limit    ${timeMsMax} ms`]),
    ...(rows === undefined ? [] : [`  record   ${recordedName(rows)}`]),
  ]
}

/**
 * How much of the rows is recorded.
 *
 * @example
 * recordedName({ kind: 'first', rows: 100 }) // the first 100 rows, of the others a digest
 */
export function recordedName(rows: RowRecording): string {
  switch (rows.kind) {
    case 'digest':
      return 'a digest of the rows'
    case 'first':
      return `the first ${rows.rows} ${rows.rows === 1 ? 'row' : 'rows'}, of the others a digest`
    case 'all':
      return 'all rows'
  }
}

/**
 * A mask with its parameters; never a constant's value or where a key lives.
 *
 * @example
 * maskName({ kind: 'partial', first: 2, last: 2, fill: '*' }) // partial (first 2, last 2)
 */
export function maskName(mask: Mask): string {
  switch (mask.kind) {
    case 'partial':
      return `partial (first ${mask.first}, last ${mask.last})`
    case 'date-trunc':
      return `date-trunc (${mask.unit})`
    case 'json':
      return `json (${mask.members.length} ${mask.members.length === 1 ? 'path' : 'paths'})`
    default:
      return mask.kind
  }
}
