import type { MaskFound } from './mask-found.ts'
import { quotedEnd } from './quoted-end.ts'

/** What stands between elements, in the form that PostgreSQL prints (manual, section 8.15.6). */
const PUNCTUATION = new Set(Array.from('{},', sign => sign.charCodeAt(0)))
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Masks finds in the elements of an array's text form; an element with a find is written quoted. What is no array becomes NULL. */
export function maskArray(text: string, mask: MaskFound): string | null {
  let result = ''
  let copied = 0
  for (let at = 0; at < text.length; ) {
    if (PUNCTUATION.has(text.charCodeAt(at))) {
      at++
      continue
    }
    const isQuoted = text.charCodeAt(at) === QUOTE
    const end = isQuoted ? quotedEnd(text, at) : bareEnd(text, at)
    if (end < 0) return null
    const plain = (isQuoted ? text.slice(at + 1, end - 1) : text.slice(at, end)).replace(/\\([\s\S])/g, '$1')
    const shown = mask(plain)
    if (shown === null) return null
    if (shown !== plain) {
      result += `${text.slice(copied, at)}"${shown.replace(/["\\]/g, '\\$&')}"`
      copied = end
    }
    at = end
  }
  return copied === 0 ? text : result + text.slice(copied)
}

function bareEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && text.charCodeAt(end) !== QUOTE && !PUNCTUATION.has(text.charCodeAt(end))) {
    end += text.charCodeAt(end) === BACKSLASH ? 2 : 1
  }
  return Math.min(end, text.length)
}
