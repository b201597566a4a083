import type { Catalog } from '@querywarden/policy-core'
import { type Account, accountOf } from '../rehearsal/account.ts'
import type { Rehearsal } from '../rehearsal/rehearsal.ts'
import type { Rehearse } from '../rehearsal/rehearse.ts'
import { tellStatement } from '../rehearsal/tell.ts'
import type { PolicyCase } from './test-file.ts'

/** How a case came out. */
export interface CaseResult {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly passed: boolean
  /** What came otherwise than expected, a line each. */
  readonly differences: readonly string[]
  readonly came: Account
  /** Why it came so. */
  readonly explanation: string
}

/** Runs one case. */
export async function runCase(
  tested: PolicyCase,
  given: { readonly file: string; readonly rehearse: Rehearse; readonly catalog: Catalog },
): Promise<{ readonly result: CaseResult; readonly rehearsal: Rehearsal }> {
  const rehearsal = await given.rehearse(tested.script)
  const came = accountOf(rehearsal, given.catalog)
  const differences = differencesOf(tested, came)
  const { name, location } = tested
  const explanation = rehearsal.statements.map(statement => tellStatement(statement).explanation).join('\n')
  const result = {
    name,
    file: given.file,
    ...location,
    passed: differences.length === 0,
    differences,
    came,
    explanation,
  }
  return { rehearsal, result }
}

const differencesOf = ({ expect, rules, masked, code }: PolicyCase, came: Account): readonly string[] => [
  ...(expect === came.outcome ? [] : [`expected ${expect}, came ${came.outcome}`]),
  ...differentSets('rules', rules, came.rules),
  ...differentSets('masked', masked, came.masked),
  ...(code === null || code === came.code ? [] : [`expected code ${code}, came ${came.code ?? 'none'}`]),
]

function differentSets(what: string, expected: readonly string[] | null, came: readonly string[]): readonly string[] {
  if (expected === null || [...new Set(expected)].sort().join('\n') === [...new Set(came)].sort().join('\n')) return []
  return [`expected ${what} ${listed(expected)}, came ${listed(came)}`]
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '))
