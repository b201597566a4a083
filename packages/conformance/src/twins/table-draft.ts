import type { MaskedKind } from './masked-kinds.ts'
import type { TwinColumn } from './plan.ts'

/** A table before it is written down. */
export interface TableDraft {
  readonly name: string
  readonly kinds: readonly MaskedKind[]
  readonly form: 'plain' | 'partitioned' | 'parent'
  readonly uniques: readonly MaskedKind[]
}

/** What every table has beside its masked columns. */
export const PLAIN_COLUMNS: readonly TwinColumn[] = [
  { name: 'id', type: 'integer', isMasked: false, isOrdered: true },
  { name: 'ref', type: 'integer', isMasked: false, isOrdered: true },
  { name: 'name', type: 'text', isMasked: false, isOrdered: true },
  { name: 'kind', type: 'text', isMasked: false, isOrdered: true },
  { name: 'qty', type: 'integer', isMasked: false, isOrdered: true },
  { name: 'at', type: 'timestamptz', isMasked: false, isOrdered: true },
]

/** The column of a sort. */
export const maskedColumn = ({ name, type, isOrdered }: MaskedKind): TwinColumn => ({
  name,
  type,
  isMasked: true,
  isOrdered,
})
