import type { Masking } from '@querywarden/policy-core'
import { RowKernel } from '../kernel/row-kernel.ts'
import type { HashKey } from '../keyed-hash.ts'
import { columnActions } from './column-actions.ts'

let shared: RowKernel | null = null

/**
 * The result side as policy-core's hook, on the bytes of the wire: finds what the plan's detectors look for in every column
 * that can hold text, and replaces just that. Null where no cell can change. What it gives out are finished rows in bytes of
 * their own, never the memory that raw ones were copied to: that one is the kernel's, one for all results of a thread.
 *
 * @example
 * ```ts
 * const maskFrames = maskingFrames(() => key)({ detect: [{ detector: 'us-ssn', mask: { kind: 'redact' } }] }, columns)
 * const shown = maskFrames?.(chunk, rowsStart, rowsEnd) ?? chunk
 * socket.write(shown === chunk ? chunk.subarray(rowsStart, rowsEnd) : shown)
 * ```
 */
export const maskingFrames =
  (hashKey: HashKey): NonNullable<Masking['frames']> =>
  ({ detect }, columns) => {
    const actions = columnActions(columns, { masks: [], detect, unknownOrigin: 'keep', hashKey })
    if (actions.every(({ kind }) => kind === 'keep')) return null
    shared ??= new RowKernel()
    const { mask } = shared.masker(actions)
    return (source, start, end) => {
      const shown = mask(source, start, end)
      return shown === source ? source : Uint8Array.prototype.slice.call(shown)
    }
  }
