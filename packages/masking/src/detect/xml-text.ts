import type { MaskFound } from './mask-found.ts'

/** Markup, or the text between. */
const PIECE = /<[^>]*>?|[^<]+/g

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
/** The entities that every document has (XML 1.0 section 4.6). */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
const REFERENCE = /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([A-Za-z]{1,8}));/g
const CODE_POINT_MAX = 0x10ffff

/**
 * Masks finds in the text of an XML value, behind references such as `&#64;`, too. A find inside markup makes it NULL, since no
 * replacement is sure to fit there, and so does one beside an entity of the document's own.
 */
export function maskXml(text: string, mask: MaskFound): string | null {
  let isNull = false
  const masked = text.replace(PIECE, piece => {
    const isMarkup = piece.startsWith('<')
    const plain = resolved(piece)
    const shown = mask(plain.text)
    if (shown === plain.text) return piece
    if (shown === null || isMarkup || plain.isUnknown) {
      isNull = true
      return ''
    }
    return shown.replace(/[&<>]/g, sign => ESCAPES[sign] ?? '')
  })
  return isNull ? null : masked
}

function resolved(piece: string): { readonly text: string; readonly isUnknown: boolean } {
  let isUnknown = false
  const text = piece.replace(REFERENCE, (reference, decimal?: string, hex?: string, name?: string) => {
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
    const sign = name === undefined ? (code <= CODE_POINT_MAX ? String.fromCodePoint(code) : undefined) : ENTITIES[name]
    isUnknown ||= sign === undefined
    return sign ?? reference
  })
  return { text, isUnknown }
}
