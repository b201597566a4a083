import type { MaskFound } from './mask-found.ts'
import { quotedEnd } from './quoted-end.ts'

/** What stands between strings, numbers, true, false and null. */
const PUNCTUATION = new Set(Array.from('{}[],: \t\n\r', sign => sign.charCodeAt(0)))
const QUOTE = 0x22
const COLON = 0x3a
/** A name is that of the next value alone. */
const NAME_ENDS = new Set(Array.from(',{}[]', sign => sign.charCodeAt(0)))

/**
 * Masks finds in the strings and numbers of a JSON text, keys included, and leaves valid JSON: strings are read without
 * their escapes and written with what needs them, and a number with a find in it becomes a string. What is no JSON
 * becomes NULL.
 */
export function maskJson(text: string, mask: MaskFound): string | null {
  let result = ''
  let copied = 0
  let name: string | undefined
  let last: string | undefined
  for (let at = 0; at < text.length; ) {
    if (PUNCTUATION.has(text.charCodeAt(at))) {
      // What stands before a colon is the name of what stands behind it.
      if (text.charCodeAt(at) === COLON) name = last
      else if (NAME_ENDS.has(text.charCodeAt(at))) name = undefined
      at++
      continue
    }
    const isString = text.charCodeAt(at) === QUOTE
    const end = isString ? quotedEnd(text, at) : bareEnd(text, at)
    const plain = end < 0 ? null : isString ? unescaped(text.slice(at, end)) : text.slice(at, end)
    const shown = plain === null ? null : mask(plain, name)
    if (shown === null) return null
    if (shown !== plain) {
      result += text.slice(copied, at) + JSON.stringify(shown)
      copied = end
    }
    last = plain ?? undefined
    at = end
  }
  return copied === 0 ? text : result + text.slice(copied)
}

function bareEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && text.charCodeAt(end) !== QUOTE && !PUNCTUATION.has(text.charCodeAt(end))) end++
  return end
}

function unescaped(token: string): string | null {
  if (!token.includes('\\')) return token.slice(1, -1)
  try {
    const value: unknown = JSON.parse(token)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}
