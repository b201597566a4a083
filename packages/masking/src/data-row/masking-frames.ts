import type { DetectedMask, MaskFrames, Masking, ResultColumn } from '@querywarden/policy-core'
import { RowKernel } from '../kernel/row-kernel.ts'
import type { HashKey } from '../keyed-hash.ts'
import type { ColumnAction } from './column-action.ts'
import { columnActions } from './column-actions.ts'

/** Preparing a column takes as long as masking a thousand rows, and results are mostly of shapes that came before. */
const SHAPES_MAX = 256

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
export function maskingFrames(hashKey: HashKey): NonNullable<Masking['frames']> {
  const results = new Map<string, MaskFrames | null>()
  const actions = new Map<string, ColumnAction>()
  return ({ detect }, columns) => {
    const detectors = JSON.stringify(detect)
    const types = columns.map(({ typeOid, typmod, format }) => `${typeOid} ${typmod} ${format}`)
    return remembered(results, `${types.join()} ${detectors}`, () =>
      framesFor(
        columns.map((column, index) =>
          remembered(actions, `${types[index]} ${detectors}`, () => detectingAction(detect, column, hashKey)),
        ),
      ),
    )
  }
}

function remembered<T>(values: Map<string, T>, key: string, make: () => T): T {
  const known = values.get(key)
  if (known !== undefined) return known
  const made = make()
  const [oldest] = values.keys()
  if (values.size >= SHAPES_MAX && oldest !== undefined) values.delete(oldest)
  values.set(key, made)
  return made
}

function detectingAction(detect: readonly DetectedMask[], column: ResultColumn, hashKey: HashKey): ColumnAction {
  const [action] = columnActions([column], { masks: [], detect, unknownOrigin: 'keep', hashKey })
  return action ?? { kind: 'fixed', bytes: null }
}

let shared: RowKernel | null = null

function framesFor(actions: readonly ColumnAction[]): MaskFrames | null {
  if (actions.every(({ kind }) => kind === 'keep')) return null
  shared ??= new RowKernel()
  const { mask } = shared.masker(actions)
  return (source, start, end) => {
    const shown = mask(source, start, end)
    return shown === source ? source : Uint8Array.prototype.slice.call(shown)
  }
}
