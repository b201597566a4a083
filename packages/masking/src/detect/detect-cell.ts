import type { DetectedMask } from '@querywarden/policy-core'
import { columnType } from '../column-type.ts'
import { fitText } from '../fit-text.ts'
import type { HashKey } from '../keyed-hash.ts'
import type { MaskCell, WireType } from '../mask-value.ts'
import { orNull } from '../or-null.ts'
import { asBuffer, decodeUtf8, encodeUtf8 } from '../utf8.ts'
import { maskArrayBytes } from './array-binary.ts'
import { maskArray } from './array-text.ts'
import { candidatesOf } from './candidates.ts'
import { withEmbeddedJson } from './embedded-json.ts'
import { maskJson } from './json-text.ts'
import { type Fit, type MaskFound, maskFound } from './mask-found.ts'
import { fitOpaque } from './opaque-text.ts'
import { type Prefilter, prefilter } from './prefilter.ts'
import { type TextContext, textContext } from './text-context.ts'
import { maskXml } from './xml-text.ts'

/** The detection for one column, with the pass that tells which cells needn't be looked at. */
export interface CellDetection {
  readonly mayFind: Prefilter
  readonly mask: MaskCell
}

type MaskText = (text: string) => string | null
type MaskBytes = (bytes: Uint8Array) => Uint8Array | null

/** Prepares detection for a column, or gives null where nothing can be found: no detectors, or a type without text. */
export function detectCell(detect: readonly DetectedMask[], column: WireType, hashKey: HashKey): CellDetection | null {
  const context = textContext(column.typeOid)
  if (detect.length === 0 || context.kind === 'none') return null
  const hasEdges = !(context.kind === 'array' && column.format === 'binary')
  const mayFind = prefilter(candidatesOf(detect), { escapeSign: escapeOf(context), hasEdges })
  const found = maskFound(detect, hashKey, isOpaque(context) ? fitOpaque : asItIs)
  const maskText = fitted(column, textMask(context, found))
  const maskBytes = column.format === 'binary' ? binaryMask(context, maskText, found) : utf8Mask(maskText, found)

  return {
    mayFind,
    mask: orNull(cell => {
      if (cell === null) return null
      if (typeof cell === 'string') return mayFind.text(cell) ? maskText(cell) : cell
      return mayFind.bytes(cell, 0, cell.length) ? maskBytes(cell) : cell
    }),
  }
}

/**
 * What a find may hide behind: json keeps what was put in, escapes and all, and text may be JSON; jsonb spells every character
 * that it can.
 */
function escapeOf(context: TextContext): string | null {
  switch (context.kind) {
    case 'plain':
    case 'json':
      return '\\'
    case 'xml':
      return '&'
    case 'array':
      return escapeOf(context.element)
    case 'jsonb':
    case 'opaque':
    case 'none':
      return null
  }
}

/** What needs escapes elsewhere is seen to where they are read. */
const asItIs: Fit = replacement => replacement

const isOpaque = (context: TextContext): boolean =>
  context.kind === 'opaque' || (context.kind === 'array' && isOpaque(context.element))

function textMask(context: TextContext, found: MaskFound): MaskText {
  switch (context.kind) {
    case 'json':
    case 'jsonb': {
      const member = withEmbeddedJson(found)
      return text => maskJson(text, member)
    }
    case 'xml':
      return text => maskXml(text, found)
    case 'array': {
      const element = textMask(context.element, found)
      return text => maskArray(text, element)
    }
    case 'plain':
      return withEmbeddedJson(found)
    case 'opaque':
    case 'none':
      return found
  }
}

/**
 * A masked value of varchar(n), char(n) or name is cut or padded to what its type allows. What is cut off may have been all that
 * kept the rest from being a find, so that is masked in turn.
 */
function fitted(column: WireType, mask: MaskText): MaskText {
  const type = columnType(column.typeOid, column.typmod)
  if (type.kind !== 'text') return mask
  return text => {
    let shown = text
    for (let round = 1; round <= FITTINGS_MAX; round++) {
      const masked = mask(shown)
      if (masked === null || masked === shown) return masked
      shown = fitText(type, masked)
      if (shown === masked) return shown
    }
    return null
  }
}

/** Hardly ever more than two. */
const FITTINGS_MAX = 5

/** The mask over UTF-8. Other bytes, which only a server without an encoding sends, are kept only if nothing shows in them. */
const utf8Mask =
  (mask: MaskText, found: MaskFound): MaskBytes =>
  bytes => {
    const text = decodeUtf8(bytes)
    if (text === null) return unlessFound(bytes, found)
    const masked = mask(text)
    return masked === text ? bytes : masked === null ? null : encodeUtf8(masked)
  }

function unlessFound(bytes: Uint8Array, found: MaskFound): Uint8Array | null {
  const text = asBuffer(bytes).toString('latin1')
  return found(text) === text ? bytes : null
}

const JSONB_VERSION = 1

function binaryMask(context: TextContext, mask: MaskText, found: MaskFound): MaskBytes {
  switch (context.kind) {
    case 'plain':
    case 'json':
    case 'xml':
    case 'none':
      return utf8Mask(mask, found)
    case 'jsonb': {
      const maskJsonText = utf8Mask(mask, found)
      return bytes => {
        if (bytes[0] !== JSONB_VERSION) return null
        const text = bytes.subarray(1)
        const masked = maskJsonText(text)
        return masked === text ? bytes : masked === null ? null : Buffer.concat([Uint8Array.of(JSONB_VERSION), masked])
      }
    }
    case 'array': {
      const element = binaryMask(context.element, textMask(context.element, found), found)
      return bytes => maskArrayBytes(bytes, element)
    }
    case 'opaque':
      return bytes => unlessFound(bytes, found)
  }
}
