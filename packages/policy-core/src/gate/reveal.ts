import { USER_OID_MIN } from '../catalog.ts'
import type { Masker, MaskRow, ResultColumn } from '../hooks.ts'
import type { Cleared } from './cleared.ts'

/**
 * What the result side makes of a result's columns before its first row goes out.
 * `raw`: the server says that a column comes straight from where only a masked value, or none of this statement's
 * columns at all, may come from. The rewriting went wrong; the result must be dropped.
 */
export type Revelation =
  | { readonly kind: 'clean'; readonly mask: MaskRow | null }
  | { readonly kind: 'raw'; readonly code: 'RAW_COLUMN' | 'UNEXPECTED_ORIGIN'; readonly message: string }

/** Judges a result's columns by where the server says they come from: a check that shares nothing with the rewriter. */
export function reveal(masker: Masker, cleared: Cleared, columns: readonly ResultColumn[]): Revelation {
  const known = new Set<number>()
  for (const use of cleared.facts.uses) if (use.kind === 'relation') known.add(use.relation.oid)

  for (const column of columns) {
    if (column.tableOid < USER_OID_MIN) continue
    if (!known.has(column.tableOid)) {
      return {
        kind: 'raw',
        code: 'UNEXPECTED_ORIGIN',
        message: 'result dropped: a column comes from a relation that the statement was not judged to read',
      }
    }
    if (isMasked(cleared, column)) {
      return { kind: 'raw', code: 'RAW_COLUMN', message: 'result dropped: a masked column arrived unmasked' }
    }
  }
  return { kind: 'clean', mask: masker({ detect: cleared.obligations.detect }, columns) }
}

const isMasked = (cleared: Cleared, { tableOid, attnum }: ResultColumn): boolean =>
  cleared.obligations.masks.some(
    ({ relation, columns }) =>
      relation.oid === tableOid && columns.some(({ column }) => attnum === 0 || column.attnum === attnum),
  )
