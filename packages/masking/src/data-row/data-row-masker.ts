import type { ColumnAction, WriteCell } from './column-action.ts'
import { malformedRow } from './malformed-row.ts'
import type { OutputBuffer } from './output-buffer.ts'

/** Rewrites the DataRow messages of one result. */
export interface DataRowMasker {
  /**
   * Appends the rows of `source[start, end)`, masked. Takes whole DataRow frames and nothing else; throws
   * `MALFORMED_ROW` for anything that isn't exactly that, with `target` as it was before the call.
   */
  readonly mask: (source: Uint8Array, start: number, end: number, target: OutputBuffer) => void
  /** As `mask`, but appends nothing, and says false, where the rows are to be shown as they are. */
  readonly maskChanged: (source: Uint8Array, start: number, end: number, target: OutputBuffer) => boolean
}

/** DataRow: 'D', length of what follows, number of columns (manual, section 54.7). */
const DATA_ROW = 0x44
const HEADER_BYTES = 7
const LENGTH_BYTES = 4

/**
 * Prepares the rewriting of a result's rows, one action a column. What is kept is copied in one go, across columns and
 * rows, and nothing is allocated for a row whose actions allocate nothing (bench/masking.mjs).
 *
 * @example
 * ```ts
 * const masker = dataRowMasker([{ kind: 'keep' }, { kind: 'fixed', bytes: null }])
 * masker.mask(chunk, rowsStart, rowsEnd, target)
 * ```
 */
export function dataRowMasker(actions: readonly ColumnAction[]): DataRowMasker {
  const steps = actions.map(stepOf)
  const maskChanged: DataRowMasker['maskChanged'] = (source, start, end, target) => {
    if (!(start >= 0 && start <= end && end <= source.length)) throw malformedRow('range')
    const lengthBefore = target.length
    try {
      return maskRows(steps, source, start, end, target)
    } catch (error) {
      target.length = lengthBefore
      throw error
    }
  }
  return {
    maskChanged,
    mask: (source, start, end, target) => {
      if (!maskChanged(source, start, end, target)) target.append(source, start, end)
    },
  }
}

/** An action, ready for the loop: `fixed` is a whole column, length and all. */
interface Step {
  readonly fixed: DataView | null
  readonly write: Extract<ColumnAction, { kind: 'write' }> | null
}

function stepOf(action: ColumnAction): Step {
  switch (action.kind) {
    case 'keep':
      return { fixed: null, write: null }
    case 'fixed': {
      const column = new Uint8Array(LENGTH_BYTES + (action.bytes?.length ?? 0))
      const fixed = new DataView(column.buffer)
      fixed.setInt32(0, action.bytes === null ? -1 : action.bytes.length)
      column.set(action.bytes ?? [], LENGTH_BYTES)
      return { fixed, write: null }
    }
    case 'write':
      return { fixed: null, write: action }
  }
}

/** Whether any cell is shown otherwise; only then something was appended. */
function maskRows(
  steps: readonly Step[],
  source: Uint8Array,
  start: number,
  end: number,
  target: OutputBuffer,
): boolean {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  // What is kept waits to be copied until something else comes between.
  let keptFrom = start
  const lengthBefore = target.length
  let isAnyChanged = false
  for (let row = start; row < end; ) {
    const rowEnd = rowEndOf(view, row, end, steps.length)
    const header = target.length + (row - keptFrom)
    let isChanged = false
    let at = row + HEADER_BYTES
    for (const { fixed, write } of steps) {
      if (at + LENGTH_BYTES > rowEnd) throw malformedRow('column')
      const length = view.getInt32(at)
      const cellStart = at + LENGTH_BYTES
      const cellEnd = length > 0 ? cellStart + length : cellStart
      if (length < -1 || cellEnd > rowEnd) throw malformedRow('column length')
      if (fixed !== null) {
        target.appendView(view, keptFrom, at)
        target.appendView(fixed, 0, fixed.byteLength)
        keptFrom = cellEnd
        isChanged = true
      } else if (write !== null && length >= 0 && write.mayChange?.(source, cellStart, cellEnd) !== false) {
        target.appendView(view, keptFrom, at)
        keptFrom = at
        if (appendWritten(write.write, source, cellStart, cellEnd, target)) {
          keptFrom = cellEnd
          isChanged = true
        }
      }
      at = cellEnd
    }
    if (at !== rowEnd) throw malformedRow('row')
    if (isChanged) {
      target.setInt32(header + 1, target.length + (rowEnd - keptFrom) - header - 1)
      isAnyChanged = true
    }
    row = rowEnd
  }
  if (isAnyChanged) target.appendView(view, keptFrom, end)
  else target.length = lengthBefore
  return isAnyChanged
}

function rowEndOf(view: DataView, row: number, end: number, columns: number): number {
  if (end - row < HEADER_BYTES || view.getUint8(row) !== DATA_ROW) throw malformedRow('message')
  const rowEnd = row + 1 + view.getInt32(row + 1)
  if (rowEnd < row + HEADER_BYTES || rowEnd > end) throw malformedRow('length')
  if (view.getUint16(row + 5) !== columns) throw malformedRow('column count')
  return rowEnd
}

/** Whether anything was written in place of the column. */
function appendWritten(
  write: WriteCell,
  source: Uint8Array,
  start: number,
  end: number,
  target: OutputBuffer,
): boolean {
  const lengthAt = target.length
  target.appendInt32(-1)
  const written = write(source, start, end, target)
  switch (written) {
    case 'written':
      target.setInt32(lengthAt, target.length - lengthAt - LENGTH_BYTES)
      return true
    case 'null':
      target.length = lengthAt + LENGTH_BYTES
      return true
    case 'kept':
      target.length = lengthAt
      return false
  }
}
