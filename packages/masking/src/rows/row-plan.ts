import type { DetectedMask, Mask } from '@querywarden/policy-core'
import { MaskingError } from '../errors.ts'
import type { HashKey } from '../keyed-hash.ts'
import { detectValue } from './detect-value.ts'
import { type MaskJsValue, maskJsValue } from './mask-js-value.ts'
import { isPlainObject, isRowObject, objectOf } from './plain-object.ts'
import type { RowType } from './row-type.ts'

/** How rows are shown; made by `maskPlan` or `resultPlan`, for `maskRows`. */
export interface RowPlan {
  /** A copy of a row as it may be shown. The row itself is left alone. Throws `BAD_ROW` for what is no row. */
  readonly maskRow: (row: unknown) => unknown
}

/** A column that is masked, and its type as the driver gives it. */
export interface PlannedColumn {
  readonly mask: Mask
  readonly type: RowType
}

/** How rows of objects are shown, by the names of their members. */
export interface MaskPlanOptions {
  /** By name; `a.b` is the member `b` of the object, or of each object in the array, that is `a`. */
  readonly columns: Readonly<Record<string, PlannedColumn>>
  /** Columns that are shown as they are, but for what detectors find; all that is in them, where they are objects. */
  readonly safe: readonly string[]
  /** What becomes of every other column, whose values may be anything: `null` hides it. */
  readonly others: 'null' | 'keep'
  readonly detect: readonly DetectedMask[]
  readonly hashKey: HashKey
}

/**
 * Prepares masks for rows that are objects, by name. The names are those of the result: under an alias that the plan
 * doesn't know, a column is one of the others. Throws `BAD_COLUMN` for a column that is both masked, or in part, and safe,
 * `KEY_TOO_SHORT`, and what `hashKey` throws.
 *
 * @example
 * ```ts
 * const plan = maskPlan({
 *   columns: {
 *     ssn: { mask: { kind: 'redact' }, type: 'string' },
 *     'contact.email': { mask: { kind: 'email' }, type: 'string' },
 *   },
 *   safe: ['id', 'name'],
 *   others: 'null',
 *   detect: [],
 *   hashKey: () => key,
 * })
 * maskRows([{ id: 1, ssn: '123-45-6789', note: 'x' }], plan) // [{ id: 1, ssn: '[redacted]', note: null }]
 * ```
 */
export function maskPlan({ columns, safe, others, detect, hashKey }: MaskPlanOptions): RowPlan {
  const masks = new Map(
    Object.entries(columns).map(([name, { mask, type }]) => [name, maskJsValue(mask, type, hashKey)]),
  )
  const both = safe.find(name => [...masks.keys()].some(masked => masked === name || masked.startsWith(`${name}.`)))
  if (both !== undefined)
    throw new MaskingError('BAD_COLUMN', `column \`${both}\` is masked, or a part of it, expected it not to be safe`)
  const kept: MaskJsValue = detectValue(detect, hashKey) ?? (value => value)
  const rest: MaskJsValue = others === 'keep' ? kept : () => null
  const way: Way = { masks, safe: new Set(safe), outer: outerNames([...masks.keys(), ...safe]), kept, rest }
  return { maskRow: row => (isRowObject(row) ? maskMembers(way, row, '') : notARow()) }
}

/** A plan by names, compiled. */
interface Way {
  readonly masks: ReadonlyMap<string, MaskJsValue>
  readonly safe: ReadonlySet<string>
  /** Names that others go through: `a` of `a.b`. */
  readonly outer: ReadonlySet<string>
  readonly kept: MaskJsValue
  readonly rest: MaskJsValue
}

const outerNames = (names: readonly string[]): ReadonlySet<string> =>
  new Set(
    names.flatMap(name => {
      const parts = name.split('.')
      return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
    }),
  )

const maskMembers = (way: Way, row: Readonly<Record<string, unknown>>, prefix: string): Record<string, unknown> =>
  objectOf(Object.keys(row).map(key => [key, maskMember(way, row[key], prefix + key)]))

function maskMember(way: Way, value: unknown, name: string): unknown {
  const mask = way.masks.get(name)
  if (mask !== undefined) return mask(value)
  if (way.safe.has(name)) return way.kept(value)
  return way.outer.has(name) ? maskInside(way, value, `${name}.`) : way.rest(value)
}

/** What has masked members must have members; any other value may hold what they would. */
function maskInside(way: Way, value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map(each => (isPlainObject(each) ? maskMembers(way, each, prefix) : null))
  return isPlainObject(value) ? maskMembers(way, value, prefix) : null
}

/** Ends the masking of what is no row. */
export function notARow(): never {
  throw new MaskingError(
    'BAD_ROW',
    'row of another kind, expected an object of columns, or a list where the result is known',
  )
}
