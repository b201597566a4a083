import type { Facts } from '@querywarden/policy-core'
import type { ResultColumn } from './link.ts'
import type { Observation } from './observe.ts'

/** One statement that was classified and run. */
export interface Trial {
  readonly text: string
  readonly facts: Facts
  readonly outcome: Outcome
}

/** What the server made of a statement. */
export type Outcome =
  /** `isSyntax`: the raw parser refused it; `isMany`: it saw more than one statement. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly isMany: boolean }
  | {
      readonly kind: 'ran'
      readonly tag: string
      readonly columns: readonly ResultColumn[] | null
      readonly observed: Observation
      /** What the server's dependency record names; null where it wasn't asked, or can't hold the statement. */
      readonly depends: readonly Dependency[] | null
      /** It sent a notification, or moved what a session keeps. */
      readonly hasMovedSession: boolean
    }
  /** The connection was lost, or the statement can't be tried here. */
  | { readonly kind: 'untried'; readonly why: string }

/** An object that the server says a statement depends on. */
export type Dependency =
  | { readonly kind: 'column'; readonly relation: number; readonly attnum: number }
  | { readonly kind: 'relation'; readonly relation: number }
  | { readonly kind: 'routine'; readonly routine: number }
