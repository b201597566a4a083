import type { Refusal } from '../decision.ts'
import type { Lookup } from '../hooks.ts'
import type { Parameter } from '../statement.ts'
import { arraySize } from './array-size.ts'
import type { LookupCharge } from './statement-meter.ts'

/** How many values a statement looks up, entry by entry, with the lists that its parameters hold; or why that can't be told. */
export function countLookups(
  lookups: readonly Lookup[],
  params: readonly Parameter[],
): readonly LookupCharge[] | Refusal {
  const charges: LookupCharge[] = []
  for (const { entry, budget, values, lists } of lookups) {
    let amount = values
    for (const index of lists) {
      const parameter = params[index]
      const size = parameter === undefined ? null : arraySize(parameter)
      if (size === null) return UNCOUNTED
      amount += size
    }
    charges.push({ entry, ...budget, amount })
  }
  return charges
}

const UNCOUNTED: Refusal = {
  code: 'LIMIT_EXCEEDED',
  rule: null,
  message:
    'statement refused: it looks for the values of a list in a masked column, and how many there are can not be told',
  hint: 'bind the list as an array, or write = ANY (ARRAY[$1, $2, …])',
  place: null,
  request: null,
}
