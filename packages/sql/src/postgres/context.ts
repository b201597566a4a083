import type {
  Access,
  Catalog,
  ColumnMention,
  CopyFormat,
  Effect,
  FunctionCall,
  OpaqueCode,
  Place,
  Prohibition,
  Use,
} from '@querywarden/policy-core'
import type { Major } from './engine.ts'
import type { Node, TypedNode } from './node.ts'
import type { Places } from './places.ts'
import type { Run, WriteNotes } from './routines/run.ts'

/** What names mean at one point of the tree, and what a bare relation there is used for. */
export interface Scope {
  /** The names of the WITH queries in sight. */
  readonly ctes: ReadonlySet<string>
  /** `select`: a relation's rows are read. `ddl`: the relation itself is made, changed or pointed at. */
  readonly relations: 'select' | 'ddl'
}

export const OUTERMOST: Scope = { ctes: new Set(), relations: 'select' }

/** Something in FROM that a column reference may be qualified with. */
export type RangeEntry =
  /** A relation; `columns` null where the catalog doesn't have it. `values` is the column of a system relation that holds values. */
  | { readonly kind: 'relation'; readonly columns: ReadonlySet<string> | null; readonly values?: string | null }
  /** A subquery, WITH query or join: its rows are records. */
  | { readonly kind: 'record'; readonly columns: ReadonlySet<string> }
  /** A function, whose "row" may be a plain value that can be handed to another function. */
  | { readonly kind: 'function'; readonly columns: ReadonlySet<string> }

/** What one walk over one statement gathers. The walk's parts share it; nobody else sees it. */
export interface Context {
  readonly catalog: Catalog
  readonly major: Major
  readonly places: Places
  readonly uses: Use[]
  readonly prohibitions: Prohibition[]
  readonly mentions: ColumnMention[]
  readonly calls: FunctionCall[]
  /** What names in FROM stand for, anywhere in the statement. */
  readonly ranges: Map<string, RangeEntry[]>
  /** Column references with a qualifier, to be looked at once all ranges are known. */
  readonly qualified: { readonly parts: readonly string[]; readonly place: Place }[]
  /** Calls that may be a column of the range that is their one argument, to be looked at then too. */
  readonly columnCalls: { readonly call: FunctionCall; readonly range: string; readonly why: string }[]
  /** Where a bare star stands in a SELECT, and the names that the relations of its own FROM go by. */
  readonly selectStars: Map<number, readonly string[]>
  /** What the database holds code for and the statement sets off. What that does is added when the walk is done. */
  readonly runs: Run[]
  /** How relations are written to, as far as it decides what runs by itself. */
  readonly writes: WriteNotes
  /** Names that come before columns, where the text is a part of PL/pgSQL code; empty elsewhere. */
  readonly variables: ReadonlySet<string>
  /** Set once; the walk then stops. */
  trouble: { readonly code: OpaqueCode; readonly message: string } | null
  copy: 'in' | 'out' | null
  copyFormat: CopyFormat | null
  /** Walks a node of any kind. */
  readonly visit: (typed: TypedNode, scope: Scope) => void
  /** Walks the nodes in all fields of a node, except those named. */
  readonly visitFields: (typed: TypedNode, scope: Scope, except?: readonly string[]) => void
}

/** Looks at one node; `typed.body` is it. */
export type Visitor = (context: Context, node: Node, scope: Scope, typed: TypedNode) => void

/** Says of uses from some place on which statement does them, but of those that are done by one within it. */
export function tagUses(uses: Use[], from: number, tag: string | null): void {
  // A SELECT within another statement is a part of it.
  if (tag === null || tag === 'SELECT') return
  for (let at = from; at < uses.length; at++) {
    const use = uses[at]
    if (use !== undefined && use.tag === undefined) uses[at] = { ...use, tag }
  }
}

export function useStatement(context: Context, effect: Effect, why: string, place: Place): void {
  context.uses.push({ kind: 'statement', effect, why, place })
}

export function useFunction(context: Context, effect: Effect, name: string, why: string, place: Place): void {
  context.uses.push({ kind: 'function', effect, function: name, why, place })
}

/** How a statement touches a relation. */
export interface Touch {
  readonly access: Access
  readonly effect: Effect
  readonly unbounded: boolean
}

export const READ: Touch = { access: 'select', effect: 'read', unbounded: false }
export const CHANGE: Touch = { access: 'ddl', effect: 'ddl', unbounded: false }
