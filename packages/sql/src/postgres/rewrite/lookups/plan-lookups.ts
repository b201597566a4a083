import { type Lookup, type MaskedColumn, relationKey } from '@querywarden/policy-core'
import { flagAt, type Node, nodeAt, nodesAt, numberAt } from '../../node.ts'
import type { ChangesInput } from '../changes/plan-targets.ts'
import type { Sightings } from '../changes/sightings.ts'
import type { Impossible } from '../impossible.ts'
import type { Change } from '../rewrite-ranges.ts'
import { objectsIn } from '../walk-tree.ts'
import { assignedValues } from './assigned-values.ts'
import { comparedAs, hashList, hashValue } from './hashed-value.ts'
import { isEquals, kindOf, type PlainValue, plainValue } from './plain-values.ts'

/** What is compared with a column under `equality`, and how often. */
export interface Lookups {
  readonly changes: readonly (Change | Impossible)[]
  readonly lookups: readonly Lookup[]
}

/**
 * Finds where a column under `equality` is compared with literals and parameters, and has these hashed as the column is.
 * Everything else beside such a column sees its mask. What is assigned to one is counted too: whoever reads the hash of a
 * value of his choice can look for it.
 */
export function planLookups(input: ChangesInput, sightings: Sightings): Lookups {
  const assigned = assignedValues(input)
  if ('why' in assigned) return { changes: [assigned], lookups: [] }
  const tally = new Tally()
  for (const { masked, values } of assigned.values) tally.add(masked, values)
  const changes: (Change | Impossible)[] = []
  const takesRows = input.statement.type === 'CopyStmt' && flagAt(input.statement.body, 'is_from')
  for (const expression of takesRows ? [] : equalitiesIn(input.statement.body)) {
    const isAlone = kindOf(expression) === 'AEXPR_IN'
    const { masked, values, list } = comparisonOf(input, sightings, expression) ?? NO_COMPARISON
    if (masked === null) continue
    for (const value of values) {
      const type = comparedAs(masked.column, value)
      if (type === null) continue
      const change =
        value === list ? hashList(masked, value, type, input) : hashValue(masked, value, type, isAlone, input)
      changes.push(change)
      if (value === list) tally.addList(masked, numberAt(value.typed.body, 'number') - 1)
      else tally.add(masked, 1)
    }
  }
  // Nothing is compared before EXECUTE, and that is judged by what it runs.
  return { changes, lookups: input.statement.type === 'PrepareStmt' ? [] : tally.lookups() }
}

interface Comparison {
  readonly masked: MaskedColumn
  readonly values: readonly PlainValue[]
  /** The one of them that holds a list of values. */
  readonly list: PlainValue | null
}

const NO_COMPARISON = { masked: null, values: [], list: null } as const

/** A column under `equality` on one side of `=`, IN or `= ANY`, and what on the other can be hashed. */
function comparisonOf(input: ChangesInput, sightings: Sightings, expression: Node): Comparison | null {
  const [left, right] = [nodeAt(expression, 'lexpr'), nodeAt(expression, 'rexpr')]
  if (left === null || right === null) return null
  const masked = columnAt(input, sightings, left)
  switch (kindOf(expression)) {
    case 'AEXPR_OP': {
      const found = masked ?? columnAt(input, sightings, right)
      const value = plainValue(masked === null ? left : right)
      return found === null || value === null || value.isArray ? null : { masked: found, values: [value], list: null }
    }
    case 'AEXPR_IN': {
      const items = nodesAt(nodeAt(right, 'List') ?? {}, 'items')
      return masked === null ? null : { masked, values: plainOf(items), list: null }
    }
    case 'AEXPR_OP_ANY': {
      if (masked === null) return null
      const list = plainValue(right)
      if (list !== null) {
        const isParameter = list.typed.type === 'ParamRef' && (list.cast === null || list.isArray)
        return isParameter ? { masked, values: [list], list } : null
      }
      const array =
        nodeAt(right, 'A_ArrayExpr') ?? nodeAt(nodeAt(nodeAt(right, 'TypeCast') ?? {}, 'arg') ?? {}, 'A_ArrayExpr')
      return array === null ? null : { masked, values: plainOf(nodesAt(array, 'elements')), list: null }
    }
    default:
      return null
  }
}

const plainOf = (nodes: readonly Node[]): readonly PlainValue[] =>
  nodes.flatMap(node => {
    const value = plainValue(node)
    return value === null || value.isArray ? [] : value
  })

/** The masked column under `equality` that a reference surely is a copy of. What `excluded` has is no mask. */
function columnAt({ masks }: ChangesInput, { byLocation, proposed }: Sightings, node: Node): MaskedColumn | null {
  const reference = nodeAt(node, 'ColumnRef')
  const seen = reference === null ? [] : (byLocation.get(numberAt(reference, 'location')) ?? [])
  const [sighting] = seen
  if (sighting?.kind !== 'column' || seen.some(each => each.kind !== 'column')) return null
  const { entry, field } = sighting
  if (field.column === null || field.through !== undefined) return null
  if (proposed.has(entry)) return null
  const { column: name } = field.column
  const relation = masks.find(each => field.column !== null && relationKey(each.relation) === relationKey(field.column))
  return relation?.columns.find(each => each.column.name === name && each.predicates === 'equality') ?? null
}

function equalitiesIn(root: Node): readonly Node[] {
  const found: Node[] = []
  for (const object of objectsIn(root)) {
    const expression = nodeAt(object, 'A_Expr')
    if (expression !== null && isEquals(expression)) found.push(expression)
  }
  return found
}

class Tally {
  readonly #counts = new Map<number, { masked: MaskedColumn; values: number; lists: number[] }>()

  add(masked: MaskedColumn, values: number): void {
    this.#of(masked).values += values
  }

  addList(masked: MaskedColumn, parameter: number): void {
    this.#of(masked).lists.push(parameter)
  }

  #of(masked: MaskedColumn): { values: number; lists: number[] } {
    const known = this.#counts.get(masked.entry) ?? { masked, values: 0, lists: [] }
    this.#counts.set(masked.entry, known)
    return known
  }

  lookups(): readonly Lookup[] {
    return [...this.#counts].flatMap(([entry, { masked, values, lists }]) =>
      values === 0 && lists.length === 0 ? [] : { entry, budget: masked.lookups, values, lists },
    )
  }
}
