import type { Catalog, ColumnName, Place } from '@querywarden/policy-core'
import type { Node, TypedNode } from '../node.ts'
import type { Places } from '../places.ts'
import type { Flow } from './flow.ts'
import type { OnLeft, Rows, Scope } from './scope.ts'
import type { NameWatch } from './watch.ts'

/** What the binding of one statement's names gathers. Its parts share it; nobody else sees it. */
export interface Binder {
  readonly catalog: Catalog
  readonly places: Places
  /** Every value that was made, leaves and all. */
  readonly flows: Flow[]
  /** How many more values may be made. */
  budget: number
  /** Something that may give names a meaning was met and isn't known: what the outputs show is then unknown. */
  isDoubtful: boolean
  /** The label of the first column of each sub-select that stands for a value. */
  readonly subselectLabels: Map<Node, string>
  /** Is told what names mean, where somebody asks. */
  readonly watch: NameWatch | null
  /** Binds an expression; what it reads becomes a part of `sink`. */
  readonly expression: (typed: TypedNode, scope: Scope, sink: Flow) => void
  /** Binds a query, or a statement that gives rows by RETURNING. */
  readonly query: (typed: TypedNode, scope: Scope, onLeft?: OnLeft) => Rows
}

/** Thrown where a statement makes more values than anybody could follow. Caught where the binding begins. */
export const TOO_MANY_NAMES: Error = new Error('the names of the statement lead to too many values')

/** Counts values against what a statement may make. */
export function spend(binder: Binder, values: number): void {
  binder.budget -= values
  if (binder.budget < 0) throw TOO_MANY_NAMES
}

/** Makes a value that is made of nothing yet. */
export function newFlow(binder: Binder, place: Place, roles = 0): Flow {
  return addFlow(binder, null, place, roles)
}

/** Makes the value of a relation's column, where the text names it. */
export function newLeaf(binder: Binder, column: ColumnName, place: Place): Flow {
  return addFlow(binder, column, place, 0)
}

const NO_ROWS: Flow['rowTypes'] = []

function addFlow(binder: Binder, column: ColumnName | null, place: Place, roles: number): Flow {
  spend(binder, 1)
  const flow: Flow = { roles, from: [], column, place, isUnknown: false, rowTypes: NO_ROWS }
  binder.flows.push(flow)
  return flow
}

/** Binds expressions whose only purpose is a role. */
export function bindFor(binder: Binder, typed: readonly TypedNode[], scope: Scope, roles: number): void {
  if (typed.length === 0) return
  const sink = newFlow(binder, binder.places.whole, roles)
  for (const each of typed) binder.expression(each, scope, sink)
}
