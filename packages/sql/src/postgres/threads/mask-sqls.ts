import type { Mask, MaskedRelation, MaskSql, UsedColumn } from '@querywarden/policy-core'
import { maskReference } from '../rewrite/masked-query.ts'

/** Names a mask on a column, whichever objects the two are. */
const maskKey = (mask: Mask, { type, typeOid, typmod }: UsedColumn, reference: string): string =>
  JSON.stringify([mask, type, typeOid, typmod, reference])

/** The SQL of every mask that rewriting a statement may ask for: functions can't be handed to a thread. */
export function maskSqlsOf(masks: readonly MaskedRelation[], maskSql: MaskSql): ReadonlyMap<string, string> {
  const sqls = new Map<string, string>()
  const add = (mask: Mask, column: UsedColumn): void => {
    const reference = maskReference(column)
    sqls.set(maskKey(mask, column, reference), maskSql(mask, column, reference))
  }
  const behind = new Set(masks.flatMap(({ columns }) => columns.map(({ mask }) => mask)))
  for (const { relation, columns, own = [] } of masks) {
    for (const { column, mask } of [...columns, ...own]) add(mask, column)
    // A view's column may be a copy of any of those.
    if (relation.kind === 'derived') for (const column of relation.columns) for (const mask of behind) add(mask, column)
  }
  return sqls
}

/** The masks' SQL as it came from the other thread; what didn't come is no SQL, and refused as such. */
export const maskSqlFrom =
  (sqls: ReadonlyMap<string, string>): MaskSql =>
  (mask, column, reference) =>
    sqls.get(maskKey(mask, column, reference)) ?? ''
