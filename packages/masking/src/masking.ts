import type { Masking } from '@querywarden/policy-core'
import { maskingFrames } from './data-row/masking-frames.ts'
import { detectingRows } from './detect/detecting-rows.ts'
import type { HashKey } from './keyed-hash.ts'
import { maskSql } from './mask-sql.ts'

/** What masking needs to be told. */
export interface MaskingOptions {
  /** The key of hash masks: at least 16 bytes, better 32. Throw where a reference can't be resolved. */
  readonly hashKey: HashKey
}

/**
 * Masks in both of their forms, as the gate takes them: as SQL for the rewriter, and for the result side.
 * Throws `KEY_TOO_SHORT` from `sql` and `rows` when a hash mask is first compiled with such a key.
 *
 * @example
 * ```ts
 * const gate = openGate({ mask: masking({ hashKey: () => key }), … })
 * ```
 */
export const masking = ({ hashKey }: MaskingOptions): Masking => ({
  sql: maskSql(hashKey),
  rows: detectingRows(hashKey),
  frames: maskingFrames(hashKey),
})
