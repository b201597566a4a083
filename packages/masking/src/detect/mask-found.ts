import { type DetectedMask, type Detector, type Mask, strictestMask } from '@querywarden/policy-core'
import { columnType, OID } from '../column-type.ts'
import { compileMask } from '../compile-mask.ts'
import type { HashKey } from '../keyed-hash.ts'
import { findSpans } from './find-spans.ts'

/** Text with every find replaced: the same text where there is none, null where a mask gives NULL for a find. */
export type MaskFound = (text: string) => string | null

/** Makes a replacement fit where a find stood; null where it can't. */
export type Fit = (replacement: string) => string | null

/** Prepares the masks of finds. Where a detector has several masks, the one that shows least holds. */
export function maskFound(detect: readonly DetectedMask[], hashKey: HashKey, fit: Fit): MaskFound {
  const masks = new Map<Detector, Mask>()
  for (const { detector, mask } of detect) {
    const other = masks.get(detector)
    masks.set(detector, strictestMask(other === undefined ? [mask] : [other, mask]) ?? mask)
  }
  const replace = new Map([...masks].map(([detector, mask]) => [detector, replacement(mask, hashKey)]))
  const find = findSpans(new Set(masks.keys()))

  return text => {
    const spans = find(text)
    if (spans.length === 0) return text
    let result = ''
    let copied = 0
    for (const { start, end, detector } of spans) {
      const shown = replace.get(detector)?.(text.slice(start, end)) ?? null
      const fitted = shown === null ? null : fit(shown)
      if (fitted === null) return null
      result += text.slice(copied, start) + fitted
      copied = end
    }
    return result + text.slice(copied)
  }
}

function replacement(mask: Mask, hashKey: HashKey): (found: string) => string | null {
  const compiled = compileMask(mask, columnType(OID.text, -1), hashKey)
  switch (compiled.kind) {
    case 'null':
      return () => null
    case 'fixed':
      return () => compiled.text
    case 'computed':
      return compiled.text
  }
}
