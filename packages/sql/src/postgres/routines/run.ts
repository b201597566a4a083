import type { Access, CatalogRelation, CatalogRoutine, Place, Reaction, Via } from '@querywarden/policy-core'

/** Code that a database or a DO statement holds. */
export type Code = {
  /** The search path that it runs under, where whatever runs it has changed it. */
  readonly searchPath?: readonly string[]
} & (
  | { readonly kind: 'routine'; readonly routine: CatalogRoutine }
  /** What a relation does by itself when it is accessed in this way. */
  | {
      readonly kind: 'reaction'
      readonly relation: CatalogRelation
      readonly reaction: Reaction
      readonly access: Access
    }
  /** What DO runs. */
  | { readonly kind: 'block'; readonly language: string; readonly body: string }
)

/** Code that a statement sets off. */
export interface Run {
  readonly code: Code
  readonly via: Via
  /** Where the statement sets it off. */
  readonly place: Place
  /** EXPLAIN alone: nothing runs but what the planner computes in advance, by functions that aren't volatile. */
  readonly isPlanned: boolean
}

/** How a statement writes, as far as it decides what runs by itself. */
export interface WriteNotes {
  /** The columns that UPDATE assigns to, by {@link relationKey}. */
  readonly assigned: Map<string, Set<string>>
  /** TRUNCATE … CASCADE. */
  cascades: boolean
  /** ALTER TABLE, which may check or write every row anew. */
  rewrites: boolean
}
