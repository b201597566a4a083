import { isJsonText } from './is-json.ts'
import { maskJson } from './json-text.ts'
import type { MaskFound } from './mask-found.ts'

/** What an object, an array or a string of JSON begins with. */
const BEGINS = /^\s*["[{]/

/**
 * The mask of finds in text that may be JSON all through, as in a text column or in a string of JSON: it is then masked as JSON,
 * so that it stays what it is and nothing hides behind escapes, and then as the text that it is, too.
 */
export function withEmbeddedJson(found: MaskFound): MaskFound {
  const mask: MaskFound = (text, name) => {
    if (!isJson(text)) return found(text, name)
    const masked = maskJson(text, mask)
    return masked === null ? null : found(masked, name)
  }
  return mask
}

/** Whether a text is an object, an array or a string of JSON. */
export const isJson = (text: string): boolean => BEGINS.test(text) && isJsonText(text)
