import type { DetectedMask } from '@querywarden/policy-core'
import { OID } from '../column-type.ts'
import { detectCell } from '../detect/detect-cell.ts'
import type { HashKey } from '../keyed-hash.ts'
import { orNull } from '../or-null.ts'
import { isPlainObject, objectOf } from './plain-object.ts'

/**
 * Looks for what detectors know in the strings of a value, however deep, the names of members included. Numbers, Dates,
 * Buffers and objects with a class are not looked into. Null where no detector is asked for.
 */
export function detectValue(detect: readonly DetectedMask[], hashKey: HashKey): ((value: unknown) => unknown) | null {
  const detection = detectCell(detect, { typeOid: OID.text, typmod: -1, format: 'text' }, hashKey)
  if (detection === null) return null
  const found = (value: unknown): unknown => {
    if (typeof value === 'string') return detection.mask(value)
    if (Array.isArray(value)) return value.map(found)
    if (!isPlainObject(value)) return value
    return objectOf(Object.keys(value).map(key => [String(found(key)), found(value[key])]))
  }
  return orNull(found)
}
