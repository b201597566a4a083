import type { MaskFound } from './mask-found.ts'

/** A string or a bare token of a JSON text; what stands between is punctuation. */
const TOKEN = /"(?:[^"\\]|\\[\s\S])*"|[^\s"{}[\],:]+/g

/**
 * Masks finds in the strings and numbers of a JSON text, keys included, and leaves valid JSON: strings are read without
 * their escapes and written with what needs them, and a number with a find in it becomes a string.
 */
export function maskJson(text: string, mask: MaskFound): string | null {
  let isNull = false
  const masked = text.replace(TOKEN, token => {
    const plain = token.startsWith('"') ? unescaped(token) : token
    const shown = plain === null ? null : mask(plain)
    if (shown === null) {
      isNull = true
      return ''
    }
    return shown === plain ? token : JSON.stringify(shown)
  })
  return isNull ? null : masked
}

function unescaped(token: string): string | null {
  if (!token.includes('\\')) return token.length < 2 ? null : token.slice(1, -1)
  try {
    const value: unknown = JSON.parse(token)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}
