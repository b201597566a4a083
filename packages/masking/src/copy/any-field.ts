import type { DetectedMask } from '@querywarden/policy-core'
import { maskArrayBytes } from '../detect/array-binary.ts'
import { maskArray } from '../detect/array-text.ts'
import { candidatesOf } from '../detect/candidates.ts'
import { isJson, withEmbeddedJson } from '../detect/embedded-json.ts'
import { type MaskFound, maskFound } from '../detect/mask-found.ts'
import { fitOpaque } from '../detect/opaque-text.ts'
import { prefilter } from '../detect/prefilter.ts'
import { maskXml } from '../detect/xml-text.ts'
import { literally } from '../kernel/shape.ts'
import type { HashKey } from '../keyed-hash.ts'
import { asBuffer, decodeUtf8, encodeUtf8 } from '../utf8.ts'
import type { MaskField } from './delimited-copy.ts'

/**
 * The mask for a field whose type isn't known: its value is taken for what it looks like, JSON, an array, XML, a composite or
 * the like, else for text, and stays one. What isn't UTF-8 and has a find in it becomes NULL.
 */
export function anyTextField(detect: readonly DetectedMask[], hashKey: HashKey): MaskField {
  const candidates = candidatesOf(detect)
  const mayFind = prefilter(candidates === null ? null : [...candidates, literally('&')], {
    escapeSign: '\\',
    hasEdges: true,
  })
  const maskText = anyText(detect, hashKey)
  return value => {
    if (!mayFind.bytes(value, 0, value.length)) return value
    const text = decodeUtf8(value)
    if (text === null) return unlessFound(value, maskText)
    const masked = maskText(text)
    return masked === null ? null : masked === text ? value : encodeUtf8(masked)
  }
}

const NUL = 0
const JSONB_VERSION = 1

/** As {@link anyTextField} for values in binary: text is in them as it is, in jsonb behind a version, in arrays by element. */
export function anyBinaryField(detect: readonly DetectedMask[], hashKey: HashKey): MaskField {
  const maskText = anyTextField(detect, hashKey)
  const latin1 = anyText(detect, hashKey)
  return value => {
    if (value[0] === JSONB_VERSION && !value.includes(NUL)) {
      const text = value.subarray(1)
      const masked = maskText(text)
      return masked === text ? value : masked === null ? null : Buffer.concat([Uint8Array.of(JSONB_VERSION), masked])
    }
    // No text of the server has a NUL in it, and every array and every composite has.
    if (!value.includes(NUL)) return maskText(value)
    return maskArrayBytes(value, maskText) ?? unlessFound(value, latin1)
  }
}

function unlessFound(value: Uint8Array, mask: MaskFound): Uint8Array | null {
  const text = asBuffer(value).toString('latin1')
  return mask(text) === text ? value : null
}

const ARRAY = /^(?:\[[-\d:\][]{1,200}=)?\{/
const WITH_PUNCTUATION = /^[("[]/

function anyText(detect: readonly DetectedMask[], hashKey: HashKey): MaskFound {
  const found = maskFound(detect, hashKey, shown => shown)
  const foundInOpaque = maskFound(detect, hashKey, fitOpaque)
  const asText = withEmbeddedJson(found)
  return text => {
    if (isJson(text)) return asText(text)
    if (ARRAY.test(text)) return maskArray(text, asText)
    if (isXml(text)) return maskXml(text, found)
    return WITH_PUNCTUATION.test(text) ? foundInOpaque(text) : asText(text)
  }
}

/** Begins and ends with markup, and has an element that ends. */
const isXml = (text: string): boolean =>
  /^\s*<[A-Za-z_?!]/.test(text) && /(?:\/>|<\/[^<>]{1,300}>)\s{0,100}$/.test(text.slice(-500))
