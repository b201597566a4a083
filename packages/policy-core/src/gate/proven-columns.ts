import type { Decision } from '../decision.ts'
import type { ViewColumns } from '../hooks.ts'
import type { MaskedColumn } from '../mask.ts'
import type { Standing } from '../policy/standing.ts'

type Permitted = Extract<Decision, { kind: 'allow' | 'approve' }>

/**
 * What the policy hides of a relation, but for columns of views that were proven to show nothing of it. By its origins
 * alone, every column of a view may show whatever its definition reads.
 */
export function butForProven(
  maskedColumns: Standing['maskedColumns'],
  proven: readonly ViewColumns[],
): Standing['maskedColumns'] {
  if (proven.length === 0) return maskedColumns
  return relation => unproven(relation.oid, maskedColumns(relation), proven)
}

/** A decision whose masks are those that the statement runs with. */
export function decisionButForProven<D extends Permitted>(decision: D, proven: readonly ViewColumns[]): D {
  if (proven.length === 0) return decision
  const masks = decision.obligations.masks.map(masked => ({
    ...masked,
    columns: unproven(masked.relation.oid, masked.columns, proven),
  }))
  return { ...decision, obligations: { ...decision.obligations, masks } }
}

function unproven(
  oid: number,
  columns: readonly MaskedColumn[],
  proven: readonly ViewColumns[],
): readonly MaskedColumn[] {
  const shown = proven.flatMap(each => (each.oid === oid ? each.attnums : []))
  return shown.length === 0 ? columns : columns.filter(({ column }) => !shown.includes(column.attnum))
}
