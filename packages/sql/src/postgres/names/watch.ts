import type { Node } from '../node.ts'
import type { Flow } from './flow.ts'
import type { Entry, Field, Item } from './scope.ts'

/** What one reference in the text was found to mean. */
export type Sighting =
  /** A column of one item, beyond doubt. */
  | { readonly kind: 'column'; readonly entry: Entry; readonly field: Field; readonly flow: Flow }
  /** The whole row of one item, or with a star its columns. */
  | { readonly kind: 'row'; readonly entry: Entry }
  /** A bare star: the columns of these items, in this order. */
  | { readonly kind: 'star'; readonly entries: readonly Entry[] }
  /** A column of the query's own result. */
  | { readonly kind: 'label' }
  /** It may be one of several things, or something that isn't known. */
  | { readonly kind: 'unclear' }

/** Is told what names mean while they are bound. */
export interface NameWatch {
  /** @param reference - a ColumnRef */
  readonly saw: (reference: Node, sighting: Sighting) => void
  /** A relation in FROM, and what its rows go by. */
  readonly reads: (range: Node, entry: Entry) => void
  /** What a statement writes to: as it is named in it, and by what its rows go. */
  readonly writes: (range: Node, entry: Entry) => void
  /** What a row goes by that could not be inserted: `excluded`. And what its columns were to be, defaults aside. */
  readonly proposes: (entry: Entry, values: ReadonlyMap<string, Flow>) => void
  /** A value is assigned to a column of a row that is there: by UPDATE, DO UPDATE or a MERGE's UPDATE. */
  readonly assigns: (target: Item, column: Node, value: Flow) => void
}
