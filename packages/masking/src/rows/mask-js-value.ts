import type { Mask } from '@querywarden/policy-core'
import { type ColumnType, columnType } from '../column-type.ts'
import { compileMask } from '../compile-mask.ts'
import type { CompiledMask } from '../compiled-mask.ts'
import type { HashKey } from '../keyed-hash.ts'
import { ELEMENTS_MAX } from '../masks/each-element.ts'
import { orNull } from '../or-null.ts'
import { type DateReading, jsTypeOf, printValue, readValue } from './js-value.ts'
import { type RowType, type SettledType, settledType } from './row-type.ts'

/** Replaces one value of a row. Total: it takes any value and never throws. */
export type MaskJsValue = (value: unknown) => unknown

/**
 * A mask as a function of what a driver makes of cells: the value's text form is masked as a cell's is, and read again as
 * a value of the kind that came. What has no text form is null. Throws `KEY_TOO_SHORT`, and whatever `hashKey` throws.
 */
export function maskJsValue(mask: Mask, type: RowType, hashKey: HashKey): MaskJsValue {
  const settled = settledType(type)
  const column = columnType(settled.typeOid, settled.typmod)
  if (column.kind !== 'array') return maskScalar(compileMask(mask, column, hashKey), column, settled)
  const compiled = compileMask(mask, column.element, hashKey)
  const element = maskScalar(compiled, column.element, settled)
  switch (compiled.kind) {
    case 'null':
      return () => null
    case 'fixed':
      return () => [element(null)]
    case 'computed':
      return value => (isFlat(value) ? value.map(each => (each === null ? null : element(each))) : null)
  }
}

const isFlat = (value: unknown): value is readonly unknown[] =>
  Array.isArray(value) && value.length <= ELEMENTS_MAX && !value.some(each => Array.isArray(each))

function maskScalar(compiled: CompiledMask, type: ColumnType, { js, dates }: SettledType): MaskJsValue {
  const kind = type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'timestamptz' ? type.kind : null
  const reading = { kind, dates }
  switch (compiled.kind) {
    case 'null':
      return () => null
    case 'fixed':
      // A value of its own for every row: Dates, Buffers and documents can be changed by whoever gets them.
      return orNull(() => readValue(compiled.text, js, reading))
    case 'computed':
      if (type.kind === 'json' && js === 'json') return orNull(value => maskDocument(compiled.text, value))
      return orNull(value => maskPrinted(compiled.text, value, reading))
  }
}

type MaskText = (text: string) => string | null

function maskPrinted(mask: MaskText, value: unknown, reading: DateReading): unknown {
  const js = jsTypeOf(value)
  const text = js === null || js === 'object' ? null : printValue(value, reading)
  const masked = text === null ? null : mask(text)
  return masked === null || js === null || js === 'object' ? null : readValue(masked, js, reading)
}

/** A document is read once, getters and toJSON included: what is masked is what is given back. */
function maskDocument(mask: MaskText, value: unknown): unknown {
  if (value === null || value === undefined) return null
  const masked = mask(JSON.stringify(value))
  return masked === null ? null : JSON.parse(masked)
}
