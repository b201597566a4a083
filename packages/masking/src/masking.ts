import type { Masking } from '@querywarden/policy-core'
import { COPY_FIELD_BYTES_MAX, copyMasker } from './copy/copy-masker.ts'
import { maskingFrames } from './data-row/masking-frames.ts'
import { detectingRows } from './detect/detecting-rows.ts'
import type { HashKey } from './keyed-hash.ts'
import { maskSql } from './mask-sql.ts'

/** What masking needs to be told. */
export interface MaskingOptions {
  /** The key of hash masks: at least 16 bytes, better 32. Throw where a reference can't be resolved. */
  readonly hashKey: HashKey
  /** How large a field of COPY data may be that detectors must look into, in bytes. Absent: 64 MiB. */
  readonly copyFieldBytesMax?: number
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
export const masking = ({ hashKey, copyFieldBytesMax = COPY_FIELD_BYTES_MAX }: MaskingOptions): Masking => ({
  sql: maskSql(hashKey),
  rows: detectingRows(hashKey),
  frames: maskingFrames(hashKey),
  copy: copyMasker(hashKey, { fieldBytesMax: copyFieldBytesMax }),
})
