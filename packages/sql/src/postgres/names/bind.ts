import type { Catalog, ColumnUse, Output } from '@querywarden/policy-core'
import type { TypedNode } from '../node.ts'
import type { Places } from '../places.ts'
import { type Binder, TOO_MANY_NAMES } from './binder.ts'
import { bindExpression } from './expressions.ts'
import { type Origins, originsFinder, spreadRoles, usesOf } from './flow.ts'
import type { Field, Rows } from './scope.ts'
import { bindQuery, bindStatement } from './statements.ts'
import type { NameWatch } from './watch.ts'

/** What the names in a statement mean. */
export interface Names {
  /** Every column that it uses, and what for. */
  readonly columns: readonly ColumnUse[]
  /** The columns of its result; null where it gives none, or which they are isn't known. */
  readonly outputs: readonly Output[] | null
}

/** Values that the names of one statement may lead to. A star over a wide relation makes one for each column. */
const VALUES_MAX = 100_000

/**
 * Resolves the names in a statement as the server does, once its tree was walked: so it isn't deeper or larger than
 * can be followed, and has no node that isn't known. Null where its names lead to more values than can be followed.
 */
export function bindNames(
  statement: TypedNode,
  catalog: Catalog,
  places: Places,
  watch: NameWatch | null = null,
): Names | null {
  const binder: Binder = {
    catalog,
    places,
    flows: [],
    budget: VALUES_MAX,
    isDoubtful: false,
    subselectLabels: new Map(),
    watch,
    expression: (typed, scope, sink) => bindExpression(binder, typed, scope, sink),
    query: (typed, scope, onLeft) => bindQuery(binder, typed, scope, onLeft),
  }
  try {
    const rows = bindStatement(binder, statement)
    spreadRoles(binder.flows)
    const outputs = rows === null ? null : outputsOf(rows, binder.isDoubtful)
    return { columns: usesOf(binder.flows), outputs }
  } catch (error) {
    if (error === TOO_MANY_NAMES) return null
    throw error
  }
}

function outputsOf({ fields, isComplete }: Rows, isDoubtful: boolean): readonly Output[] | null {
  if (!isComplete) return null
  const find = originsFinder()
  const outputs: Output[] = []
  for (const field of fields) {
    const origins = field.flow === null ? null : find(field.flow)
    if (origins === null) throw TOO_MANY_NAMES
    outputs.push({ name: field.name, origins: origins.columns, lineage: lineageOf(field, origins, isDoubtful) })
  }
  return outputs
}

function lineageOf({ column, through }: Field, origins: Origins, isDoubtful: boolean): Output['lineage'] {
  if (isDoubtful || origins.isUnknown) return 'unknown'
  return column === null || through !== undefined ? 'computed' : 'copy'
}
