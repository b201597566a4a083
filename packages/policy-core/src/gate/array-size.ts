import type { Parameter } from '../statement.ts'

/** MAXDIM (src/include/utils/array.h). */
const DIMENSIONS_MAX = 6
const INT32_BYTES = 4
/** Dimensions, flags and the elements' type (array_recv in utils/adt/arrayfuncs.c). */
const HEADER_BYTES = 12
/** A dimension's size and its lower bound. */
const DIMENSION_BYTES = 8

/**
 * How many elements a parameter that holds an array has, or null where that can't be told. None is ever left out: what is
 * counted is what the server would make of it.
 */
export function arraySize({ format, value }: Parameter): number | null {
  if (value === null) return 0
  if (typeof value === 'string') return format === 'text' ? sizeOfText(value) : null
  if (format === 'binary') return sizeOfBinary(value)
  try {
    return sizeOfText(new TextDecoder('utf-8', { fatal: true }).decode(value))
  } catch {
    return null
  }
}

/** Products of dimensions: the server reads that many elements, or fails. */
function sizeOfBinary(bytes: Uint8Array): number | null {
  if (bytes.length < HEADER_BYTES) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const dimensions = view.getInt32(0)
  if (dimensions === 0) return 0
  if (dimensions < 0 || dimensions > DIMENSIONS_MAX) return null
  if (bytes.length < HEADER_BYTES + dimensions * DIMENSION_BYTES) return null
  let size = 1
  for (let dimension = 0; dimension < dimensions; dimension++) {
    const each = view.getInt32(HEADER_BYTES + dimension * DIMENSION_BYTES)
    if (each < 0) return null
    size *= each
  }
  // Each element has at least its length.
  return size * INT32_BYTES > bytes.length ? null : size
}

/** `{a,"b,c",{d}}`, maybe with bounds before it (manual, 8.15.6): one more than its commas outside of quotes. */
function sizeOfText(text: string): number | null {
  const begin = text.indexOf('{')
  const bounds = text.slice(0, Math.max(begin, 0))
  if (begin < 0 || !BOUNDS.test(bounds)) return null
  let [commas, depth, isQuoted, isEmpty] = [0, 0, false, true]
  for (let at = begin; at < text.length; at++) {
    const letter = text[at]
    if (letter === '\\') {
      at += 1
      isEmpty = false
    } else if (letter === '"') {
      isQuoted = !isQuoted
      isEmpty = false
    } else if (isQuoted) continue
    else if (letter === '{') depth += 1
    else if (letter === '}') {
      depth -= 1
      if (depth === 0) return SPACE.test(text.slice(at + 1)) ? (isEmpty ? 0 : commas + 1) : null
    } else if (letter === ',') {
      commas += 1
      isEmpty = false
    } else if (letter !== undefined && !SPACE.test(letter)) isEmpty = false
  }
  return null
}

const BOUNDS = /^\s*(?:(?:\[[-+0-9:]+\])+\s*=)?\s*$/
const SPACE = /^\s*$/
