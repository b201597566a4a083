import { type DetectedMask, type Mask, type MaskedRelation, strictestMask } from '@querywarden/policy-core'
import type { HashKey } from '../keyed-hash.ts'
import { detectValue } from './detect-value.ts'
import { type MaskJsValue, maskJsValue } from './mask-js-value.ts'
import { isRowObject, objectOf } from './plain-object.ts'
import type { RowField } from './row-fields.ts'
import { notARow, type RowPlan } from './row-plan.ts'

/** A mask on a column of a relation, wherever a result shows it and by whatever name. */
export interface OriginMask {
  /** As PostgreSQL numbers them; 0 where only names are known. */
  readonly tableOid: number
  readonly attnum: number
  readonly schema: string
  readonly table: string
  readonly column: string
  readonly mask: Mask
}

/** How the rows of one result are shown, by where the server says that its columns are from. */
export interface ResultPlanOptions {
  readonly masks: readonly OriginMask[]
  readonly detect: readonly DetectedMask[]
  /**
   * What becomes of columns that the server gives no origin for (expressions, casts, unions, aggregates): masked columns
   * may be in them. `null` shows nothing of them but those that `safe` names; `keep` shows all.
   */
  readonly unknownOrigin: 'null' | 'keep'
  /** Names of columns without an origin that show nothing masked, as whoever wrote the statement knows. */
  readonly safe: readonly string[]
  readonly hashKey: HashKey
}

/**
 * The masks of a decision, for rows that come by another way than the gateway. The relations must be those that the
 * statement names: the server says of a view's column that it is from the view.
 *
 * @example
 * ```ts
 * if (decision.kind === 'allow') originMasks(decision.obligations.masks)
 * ```
 */
export const originMasks = (masks: readonly MaskedRelation[]): readonly OriginMask[] =>
  masks.flatMap(({ relation, columns }) =>
    columns.map(({ column, mask }) => ({
      tableOid: relation.oid,
      attnum: column.attnum,
      schema: relation.schema,
      table: relation.name,
      column: column.name,
      mask,
    })),
  )

/**
 * Prepares masks for the rows of one result, objects or lists. Of columns with one name, which an object can show one of
 * only, nothing shows unless nothing of any of them is hidden. Throws `KEY_TOO_SHORT`, and what `hashKey` throws.
 *
 * @example
 * ```ts
 * const result = await client.query('select * from person')
 * const plan = resultPlan(fieldsOfPg(result.fields), {
 *   masks: originMasks(decision.obligations.masks),
 *   detect: decision.obligations.detect,
 *   unknownOrigin: 'null',
 *   safe: [],
 *   hashKey: () => key,
 * })
 * maskRows(result.rows, plan)
 * ```
 */
export function resultPlan(fields: readonly RowField[], options: ResultPlanOptions): RowPlan {
  const kept: MaskJsValue = detectValue(options.detect, options.hashKey) ?? (value => value)
  const masks = fields.map(field => maskOf(field, options))
  const byPlace = masks.map(mask => mask ?? kept)
  const byName = new Map<string, MaskJsValue>()
  fields.forEach(({ name }, index) => {
    const namesakes = fields.flatMap((field, place) => (field.name === name ? [masks[place] ?? null] : []))
    const isAmbiguous = namesakes.length > 1 && namesakes.some(mask => mask !== null)
    byName.set(name, isAmbiguous ? hidden : (byPlace[index] ?? hidden))
  })
  return {
    maskRow: row => {
      if (Array.isArray(row)) return row.map((value, index) => (byPlace[index] ?? hidden)(value))
      if (!isRowObject(row)) return notARow()
      return objectOf(Object.keys(row).map(key => [key, (byName.get(key) ?? hidden)(row[key])]))
    },
  }
}

const hidden: MaskJsValue = () => null

/** The mask of a field; null where its values are kept. */
function maskOf({ name, origin, type }: RowField, options: ResultPlanOptions): MaskJsValue | null {
  const { masks, unknownOrigin, safe, hashKey } = options
  if (origin === null) return unknownOrigin === 'keep' || safe.includes(name) ? null : hidden
  const mask = strictestMask(masks.filter(each => isFrom(origin, each)).map(each => each.mask))
  return mask === null ? null : maskJsValue(mask, type, hashKey)
}

function isFrom(origin: NonNullable<RowField['origin']>, mask: OriginMask): boolean {
  if (origin.kind === 'oid') return origin.tableOid === mask.tableOid && origin.attnum === mask.attnum
  // Names are told apart by their case on some servers and not on others.
  return (
    isSameName(origin.schema, mask.schema) &&
    isSameName(origin.table, mask.table) &&
    isSameName(origin.column, mask.column)
  )
}

const isSameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()
