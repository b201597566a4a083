import type { MaskFound } from './mask-found.ts'

/** A quoted or a bare element of an array's text form (manual, section 8.15.6); what stands between is punctuation. */
const ELEMENT = /"(?:[^"\\]|\\[\s\S])*"|(?:[^"{},\\]|\\[\s\S])+/g

/** Masks finds in the elements of an array's text form; an element with a find is written quoted. */
export function maskArray(text: string, mask: MaskFound): string | null {
  let isNull = false
  const masked = text.replace(ELEMENT, element => {
    const isQuoted = element.startsWith('"')
    const plain = (isQuoted ? element.slice(1, -1) : element).replace(/\\([\s\S])/g, '$1')
    const shown = mask(plain)
    if (shown === null) isNull = true
    return shown === null || shown === plain ? element : `"${shown.replace(/["\\]/g, '\\$&')}"`
  })
  return isNull ? null : masked
}
