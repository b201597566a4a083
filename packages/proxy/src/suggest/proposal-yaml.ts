import { type ColumnName, printableName } from '@querywarden/policy-core'
import type { ProposedMask } from './column-names.ts'
import type { Proposal } from './propose-masks.ts'

/**
 * Proposals as entries of a policy's `masks`, each with a line before it that says why. What is only a guess is written as a
 * comment: it takes a person to make it an entry.
 */
export const proposalLines = (proposals: readonly Proposal[]): readonly string[] =>
  proposals.flatMap(({ column, mask, certainty, reasons, type }) => {
    const entry = `- { columns: [${JSON.stringify(patternOf(column))}], with: ${maskYaml(mask)} }`
    return [`  # ${certainty}: ${reasons.join('; ')} (${type})`, `  ${certainty === 'low' ? '# ' : ''}${entry}`]
  })

/** The pattern that matches this column alone. */
export const patternOf = ({ schema, name, column }: ColumnName): string =>
  [schema, name, column].map(printableName).join('.')

/** A mask in the shortest form that a policy takes. */
export function maskYaml(mask: ProposedMask): string {
  switch (mask.kind) {
    case 'null':
      return "'null'"
    case 'partial':
      return `{ partial: { first: ${mask.first}, last: ${mask.last} } }`
    case 'date-trunc':
      return `{ date-trunc: ${mask.unit} }`
    case 'redact':
    case 'email':
      return mask.kind
  }
}
