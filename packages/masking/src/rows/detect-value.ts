import type { DetectedMask } from '@querywarden/policy-core'
import { OID } from '../column-type.ts'
import { detectCell } from '../detect/detect-cell.ts'
import type { HashKey } from '../keyed-hash.ts'
import { orNull } from '../or-null.ts'
import { isPlainObject, objectOf } from './plain-object.ts'

/**
 * Looks for what detectors know in the strings of a value, however deep, the names of members included. Numbers, Dates and
 * Buffers are not looked into. An object with a class stays what it is, or is null where what it prints has a find in it. Null
 * where no detector is asked for.
 */
export function detectValue(detect: readonly DetectedMask[], hashKey: HashKey): ((value: unknown) => unknown) | null {
  const detection = detectCell(detect, { typeOid: OID.text, typmod: -1, format: 'text' }, hashKey)
  const document = detectCell(detect, { typeOid: OID.json, typmod: -1, format: 'text' }, hashKey)
  if (detection === null || document === null) return null
  const member = (key: string, value: unknown): unknown => {
    if (typeof value !== 'string' || !SECRET.test(key)) return found(value)
    const masked = document.mask(JSON.stringify({ [key]: value }))
    return typeof masked === 'string' ? Object.values(JSON.parse(masked))[0] : null
  }
  const found = (value: unknown): unknown => {
    if (typeof value === 'string') return detection.mask(value)
    if (Array.isArray(value)) return value.map(found)
    if (isPlainObject(value))
      return objectOf(Object.keys(value).map(key => [String(found(key)), member(key, value[key])]))
    if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value
    return printed(value).every(text => detection.mask(text) === text) ? value : null
  }
  return orNull(found)
}

/** What is found by the name that it has is so in a document alone. */
const SECRET = /secret/i

/** What may be read off an object with a class. */
const printed = (value: object): readonly string[] => [JSON.stringify(value, printable) ?? '', String(value)]

const printable = (_: string, value: unknown): unknown =>
  value instanceof Map || value instanceof Set ? [...value] : typeof value === 'bigint' ? String(value) : value
