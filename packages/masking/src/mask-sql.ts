import type { MaskSql } from '@querywarden/policy-core'
import { columnType } from './column-type.ts'
import { compileMask } from './compile-mask.ts'
import type { HashKey } from './keyed-hash.ts'
import { likeColumn, nullOf } from './sql-text.ts'

/**
 * Masks as SQL: an expression of exactly the column's type, modifier and collation, of built-in functions that no
 * search_path can retarget, that raises for no value of the column.
 *
 * @example
 * ```ts
 * const sql = maskSql(() => key)
 * sql({ kind: 'redact' }, ssn, 'c."ssn"')
 * // CASE WHEN false THEN c."ssn" ELSE CAST('[redacted]' AS pg_catalog.text) END
 * ```
 */
export const maskSql =
  (hashKey: HashKey): MaskSql =>
  (mask, column, reference) => {
    const type = columnType(column.typeOid, column.typmod)
    const compiled = compileMask(mask, type, hashKey)
    if (compiled.kind === 'null' || type.sql === null) return nullOf(reference, type)
    return likeColumn(reference, compiled.kind === 'fixed' ? compiled.sql : compiled.sql(reference), type.sql)
  }
