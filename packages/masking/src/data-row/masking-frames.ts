import type { MaskFrames, Masking } from '@querywarden/policy-core'
import type { HashKey } from '../keyed-hash.ts'
import { columnActions } from './column-actions.ts'
import { dataRowMasker } from './data-row-masker.ts'
import { OutputBuffer } from './output-buffer.ts'

/** Holds what a socket usually hands over at once, and what masks add to it. */
const BYTES_INITIAL = 128 * 1024
/** MaxAllocSize (src/include/utils/memutils.h): what no row of a server exceeds, so no run of masked ones should. */
const BYTES_MAX = 0x3fffffff
/** What is kept between calls. A larger buffer, which one large row needed, is let go. */
const BYTES_KEPT_MAX = 1024 * 1024

/**
 * The result side as policy-core's hook, on the bytes of the wire: finds what the plan's detectors look for in every column
 * that can hold text, and replaces just that. Null where no cell can change. What it gives out are finished rows in bytes of
 * their own, never the memory that raw ones were copied to.
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
    return actions.every(({ kind }) => kind === 'keep') ? null : framesMasker(actions)
  }

function framesMasker(actions: ReturnType<typeof columnActions>): MaskFrames {
  const masker = dataRowMasker(actions)
  let target = emptyTarget()
  return (source, start, end) => {
    if (target.bytes.length > BYTES_KEPT_MAX) target = emptyTarget()
    target.clear()
    return masker.maskChanged(source, start, end, target) ? target.bytes.slice(0, target.length) : source
  }
}

const emptyTarget = (): OutputBuffer => new OutputBuffer({ bytesInitial: BYTES_INITIAL, bytesMax: BYTES_MAX })
