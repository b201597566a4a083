import { type DetectedMask, type Detector, type Mask, strictestMask } from '@querywarden/policy-core'
import { columnType, OID } from '../column-type.ts'
import { compileMask } from '../compile-mask.ts'
import type { HashKey } from '../keyed-hash.ts'
import { findSpans } from './find-spans.ts'
import { joinedFinds } from './joined-finds.ts'
import { patternStretches } from './pattern.ts'
import type { Stretch } from './rules.ts'

/**
 * Text with every find replaced: the same text where there is none, null where a mask gives NULL for a find. `name` is what
 * the text is called where it stands: the key of a JSON member.
 */
export type MaskFound = (text: string, name?: string) => string | null

/** Makes a replacement fit where a find stood; null where it can't. */
export type Fit = (replacement: string) => string | null

type Named = Stretch & { readonly detector: string }
type Replace = (found: string) => string | null

/** What is left of a find may be one in its new place, and so may what that one leaves; it hardly ever is. */
const ROUNDS_MAX = 4

/**
 * Prepares the masks of finds. Where a detector has several masks, or finds of several detectors overlap, the mask that shows
 * least holds. Throws `BAD_PATTERN`, `KEY_TOO_SHORT`, and what `hashKey` throws.
 */
export function maskFound(detect: readonly DetectedMask[], hashKey: HashKey, fit: Fit): MaskFound {
  const masks = masksByDetector(detect)
  const find = finder(detect)
  const replacements = new Map<string, Replace>()
  const replaceFor = (detectors: readonly string[]): Replace => {
    const key = detectors.join(' ')
    const known = replacements.get(key)
    if (known !== undefined) return known
    const mask = strictestMask(detectors.flatMap(detector => masks.get(detector) ?? []))
    const replace = mask === null ? () => null : replacement(mask, hashKey)
    replacements.set(key, replace)
    return replace
  }
  // A key that is too short is to be noticed now, not at the first find.
  for (const detector of masks.keys()) replaceFor([detector])

  const once: MaskFound = (text, name) => {
    const spans = find(text, name)
    if (spans.length === 0) return text
    let result = ''
    let copied = 0
    for (const { start, end, detectors } of joinedFinds(spans)) {
      const shown = replaceFor(detectors)(text.slice(start, end))
      const fitted = shown === null ? null : fit(shown)
      if (fitted === null) return null
      result += text.slice(copied, start) + fitted
      copied = end
    }
    return result + text.slice(copied)
  }
  return (text, name) => {
    let before = text
    for (let round = 1; ; round++) {
      const after = once(before, name)
      if (after === null || after === before || round === ROUNDS_MAX) return after
      before = after
    }
  }
}

function masksByDetector(detect: readonly DetectedMask[]): ReadonlyMap<string, Mask> {
  const masks = new Map<string, Mask>()
  for (const { detector, mask } of detect) {
    const other = masks.get(detector)
    masks.set(detector, strictestMask(other === undefined ? [mask] : [other, mask]) ?? mask)
  }
  return masks
}

function finder(detect: readonly DetectedMask[]): (text: string, name?: string) => readonly Named[] {
  const builtIn = new Set<Detector>()
  const patterns: { readonly detector: string; readonly find: (text: string) => readonly Stretch[] }[] = []
  for (const each of detect) {
    if (each.pattern === undefined) builtIn.add(each.detector)
    else patterns.push({ detector: each.detector, find: patternStretches(each.detector, each.pattern) })
  }
  const findBuiltIn = findSpans(builtIn)
  if (patterns.length === 0) return findBuiltIn
  return (text, name) => [
    ...findBuiltIn(text, name),
    ...patterns.flatMap(({ detector, find }) => find(text).map(stretch => ({ ...stretch, detector }))),
  ]
}

function replacement(mask: Mask, hashKey: HashKey): Replace {
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
