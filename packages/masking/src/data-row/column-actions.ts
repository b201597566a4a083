import { type DetectedMask, type Mask, type ResultColumn, strictestMask } from '@querywarden/policy-core'
import { columnType } from '../column-type.ts'
import { compileMask } from '../compile-mask.ts'
import { detectCell } from '../detect/detect-cell.ts'
import { MaskingError } from '../errors.ts'
import type { HashKey } from '../keyed-hash.ts'
import { maskValue } from '../mask-value.ts'
import { encodeUtf8 } from '../utf8.ts'
import { type ColumnAction, KEEP, TO_NULL_ACTION } from './column-action.ts'
import { partialAction, writeMasked } from './write-cell.ts'

/** A mask on a column of a result: by where the server says it comes from, or by its position, from 0. */
export type ColumnMask =
  | { readonly kind: 'origin'; readonly tableOid: number; readonly attnum: number; readonly mask: Mask }
  | { readonly kind: 'index'; readonly index: number; readonly mask: Mask }

/** How the columns of one result are to be shown. */
export interface ColumnPlan {
  readonly masks: readonly ColumnMask[]
  readonly detect: readonly DetectedMask[]
  /**
   * What becomes of columns that the server gives no origin for (expressions, casts, unions, aggregates, whole rows):
   * masked columns may be in them. `null` shows nothing; `keep` is right only if whoever asks knows the statement.
   */
  readonly unknownOrigin: 'null' | 'keep'
  readonly hashKey: HashKey
}

/**
 * Compiles a plan for a result's columns. Masks come before detectors; of several masks on one column the one that shows least holds.
 * Throws `BAD_COLUMN` for a position that the result doesn't have, `KEY_TOO_SHORT`, and what `hashKey` throws.
 *
 * @example
 * ```ts
 * const actions = columnActions(columns, {
 *   masks: [{ kind: 'origin', tableOid: 16389, attnum: 2, mask: { kind: 'redact' } }],
 *   detect: [],
 *   unknownOrigin: 'null',
 *   hashKey: () => key,
 * })
 * const masker = dataRowMasker(actions)
 * ```
 */
export function columnActions(columns: readonly ResultColumn[], plan: ColumnPlan): readonly ColumnAction[] {
  for (const mask of plan.masks) {
    if (mask.kind === 'index' && columns[mask.index] === undefined) {
      throw new MaskingError('BAD_COLUMN', `no column ${mask.index}, expected one below ${columns.length}`)
    }
  }
  return columns.map((column, index) => {
    const mask = strictestMask(plan.masks.filter(each => isFor(each, column, index)).map(each => each.mask))
    if (mask !== null) return maskAction(mask, column, plan.hashKey)
    const isUnknown = column.tableOid === 0 || column.attnum === 0
    if (isUnknown && plan.unknownOrigin === 'null') return TO_NULL_ACTION
    const detection = detectCell(plan.detect, column, plan.hashKey)
    if (detection === null) return KEEP
    const { bytes, automaton } = detection.mayFind
    const swift = automaton === null ? null : ({ kind: 'scan', automaton } as const)
    return { kind: 'write', mayChange: bytes, write: writeMasked(detection.mask), swift }
  })
}

const isFor = (mask: ColumnMask, column: ResultColumn, index: number): boolean =>
  mask.kind === 'index' ? mask.index === index : mask.tableOid === column.tableOid && mask.attnum === column.attnum

function maskAction(mask: Mask, column: ResultColumn, hashKey: HashKey): ColumnAction {
  const type = columnType(column.typeOid, column.typmod)
  const compiled = compileMask(mask, type, hashKey)
  switch (compiled.kind) {
    case 'null':
      return TO_NULL_ACTION
    case 'fixed':
      return { kind: 'fixed', bytes: column.format === 'binary' ? compiled.binary : encodeUtf8(compiled.text) }
    case 'computed': {
      const maskCell = maskValue(mask, column, hashKey)
      return mask.kind === 'partial' && type.kind === 'text'
        ? partialAction(mask, type, maskCell)
        : { kind: 'write', mayChange: null, write: writeMasked(maskCell), swift: null }
    }
  }
}
