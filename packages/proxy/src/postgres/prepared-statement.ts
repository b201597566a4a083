import type { Cleared, ResultColumn } from '@querywarden/policy-core'
import type { RowMask } from './portal.ts'
import type { Naming } from './session-objects/naming.ts'

/** A prepared statement: the client's name for it, ours upstream, and what was judged. */
export interface PreparedStatement {
  readonly name: string
  readonly upstreamName: string
  /** The client's statement, comments blanked: what is judged again at every Execute. */
  readonly text: string
  /** The rewritten text. If a later judgement rewrites it otherwise, the statement is stale. */
  readonly sentText: string
  readonly parameterTypes: readonly number[]
  /** Nothing but white space and comments: PostgreSQL answers it with EmptyQueryResponse. */
  readonly isEmpty: boolean
  /** What the server says of it may hold what a mask hides. */
  readonly withheld: boolean
  /** Characters to add to an error's position, or null where the text was rewritten. */
  readonly positionShift: number | null
  /** What it does with objects that the client names, or null. */
  readonly naming: Naming | null
  /** How the server last described a portal of it. */
  described: Described | null
  /** What the result side last made of that. */
  revealed: Revealed | null
}

/** A RowDescription, as it came and as it was read. */
export interface Described {
  readonly bytes: Uint8Array
  readonly columns: readonly ResultColumn[]
}

/** The result-side masks of a statement, and all that they were made from. */
export interface Revealed extends Pick<Cleared, 'facts' | 'obligations' | 'maskedColumns'> {
  readonly columns: readonly ResultColumn[]
  readonly mask: RowMask | null
}

/** A statement that nothing has been described of yet. */
export const preparedStatement = (parts: Omit<PreparedStatement, 'described' | 'revealed'>): PreparedStatement => ({
  ...parts,
  described: null,
  revealed: null,
})
