import { readArrayBytes, writeArrayBytes } from '../array-bytes.ts'
import { printArray, readArray } from '../array-text.ts'
import type { ArrayType } from '../column-type.ts'
import { type CompiledMask, TO_NULL } from '../compiled-mask.ts'
import { call, cast, literal } from '../sql-text.ts'

/** Larger arrays are NULL: so many hashes are 72 MiB, and an array of 1 GiB would raise (MaxAllocSize). */
export const ELEMENTS_MAX = 1_048_576

/**
 * A mask for arrays, made of that for their elements. Where it shows the same for every value, one such element stands for
 * the array, however long it is; else every element is masked, and their number shows. Elements that are NULL stay so.
 * Arrays of several dimensions are NULL, and bounds become those of a literal.
 */
export function eachElement(mask: CompiledMask, type: ArrayType): CompiledMask {
  switch (mask.kind) {
    case 'null':
      return TO_NULL
    case 'fixed': {
      const text = printArray([mask.text])
      return { kind: 'fixed', sql: literal(text), text, binary: writeArrayBytes(type.elementOid, [mask.binary]) }
    }
    case 'computed':
      return {
        kind: 'computed',
        sql: reference => arraySql(mask, type, reference),
        text: text => masked(readArray(text), mask.text, printArray),
        binary: bytes =>
          masked(readArrayBytes(bytes), mask.binary, elements => writeArrayBytes(type.elementOid, elements)),
      }
  }
}

function masked<T>(
  elements: readonly (T | null)[] | null,
  mask: (element: T) => T | null,
  write: (elements: readonly (T | null)[]) => T,
): T | null {
  if (elements === null || elements.length > ELEMENTS_MAX) return null
  return write(elements.map(element => (element === null ? null : mask(element))))
}

function arraySql(mask: Extract<CompiledMask, { kind: 'computed' }>, type: ArrayType, reference: string): string {
  const isFlat = call('int4eq', call('array_ndims', reference), '1')
  const isShort = call('int4le', call('cardinality', reference), `${ELEMENTS_MAX}`)
  const element = cast(mask.sql('a.value'), type.element.sql)
  const all = `${call('array_agg', `${element} ORDER BY a.place`)}`
  const rebuilt = `(SELECT ${all} FROM ${call('unnest', reference)} WITH ORDINALITY AS a(value, place))`
  const isEmpty = call('int4eq', call('cardinality', reference), '0')
  return `CASE WHEN ${isFlat} AND ${isShort} THEN ${rebuilt} WHEN ${isEmpty} THEN '{}' ELSE NULL END`
}
