import { quotedEnd } from './detect/quoted-end.ts'

/** Bounds of one dimension that doesn't begin at 1 (manual, section 8.15.6). */
const BOUNDS = /^\[-?\d+:-?\d+\]=/
const ENDS = new Set(Array.from('{},"', sign => sign.charCodeAt(0)))

/** Reads the elements of an array of one dimension, or of none, as PostgreSQL prints it. Null for every other text. */
export function readArray(text: string): readonly (string | null)[] | null {
  const start = BOUNDS.exec(text)?.[0].length ?? 0
  if (text[start] !== '{' || !text.endsWith('}')) return null
  if (text.length === start + 2) return []
  const elements: (string | null)[] = []
  for (let at = start + 1; ; at++) {
    const isQuoted = text[at] === '"'
    const end = isQuoted ? quotedEnd(text, at) : bareEnd(text, at)
    if (end <= at) return null
    const token = text.slice(at, end)
    elements.push(isQuoted ? token.slice(1, -1).replace(/\\([\s\S])/g, '$1') : token === 'NULL' ? null : token)
    at = end
    if (at === text.length - 1) return elements
    if (text[at] !== ',') return null
  }
}

function bareEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && !ENDS.has(text.charCodeAt(end))) end++
  return end
}

/** What array_out (utils/adt/arrayfuncs.c) puts into quotes. */
const NEEDS_QUOTES = /^$|^null$|["\\{},\t\n\v\f\r ]/i

/** Prints an array of one dimension, or of none. */
export const printArray = (elements: readonly (string | null)[]): string => `{${elements.map(printElement).join(',')}}`

function printElement(element: string | null): string {
  if (element === null) return 'NULL'
  return NEEDS_QUOTES.test(element) ? `"${element.replace(/["\\]/g, '\\$&')}"` : element
}
