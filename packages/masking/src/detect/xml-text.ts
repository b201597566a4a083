import type { Fit, MaskFound } from './mask-found.ts'

/** Markup, or the text between. */
const PIECE = /<[^>]*>?|[^<]+/g

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/** Escapes a replacement for the text between markup. */
export const fitXml: Fit = replacement => replacement.replace(/[&<>]/g, sign => ENTITIES[sign] ?? '')

/** Masks finds in the text of an XML value; a find inside markup makes it NULL, since no replacement is sure to fit there. */
export function maskXml(text: string, mask: MaskFound): string | null {
  let isNull = false
  const masked = text.replace(PIECE, piece => {
    const shown = mask(piece)
    if (shown === null || (shown !== piece && piece.startsWith('<'))) isNull = true
    return shown ?? ''
  })
  return isNull ? null : masked
}
