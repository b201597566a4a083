import { isAlphanumeric, isLetter } from './ascii.ts'

/** Beside letters and digits (RFC 5322 section 3.2.3, and the dot). */
const LOCAL_SIGNS = new Set(Array.from(".!#$%&'*+/=?^_`{|}~-", sign => sign.charCodeAt(0)))
const FIRST_NON_ASCII = 0x80

const isLocalUnit = (unit: number): boolean => isAlphanumeric(unit) || LOCAL_SIGNS.has(unit) || unit >= FIRST_NON_ASCII
const isLabelUnit = (unit: number): boolean => isAlphanumeric(unit) || unit === 0x2d || unit >= FIRST_NON_ASCII

/** Where the local part before the at sign at `at` begins; `at` itself where there is none. Not before `floor`. */
export function emailStart(text: string, at: number, floor: number): number {
  let start = at
  while (start > floor && isLocalUnit(text.charCodeAt(start - 1))) start--
  return start
}

/** The end of the domain behind the at sign at `at`, or -1: labels parted by dots, the last of two letters or more. */
export function emailEnd(text: string, at: number): number {
  let end = -1
  let label = at + 1
  for (;;) {
    let position = label
    while (isLabelUnit(text.charCodeAt(position))) position++
    if (position === label) return end
    if (label > at + 1 && isTopLevel(text, label, position)) end = position
    if (text.charCodeAt(position) !== 0x2e) return end
    label = position + 1
  }
}

function isTopLevel(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start)
  return end - start >= 2 && (isLetter(first) || first >= FIRST_NON_ASCII)
}
