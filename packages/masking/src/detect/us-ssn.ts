import { isClosed, isDigit, isFree, isSeparator } from './ascii.ts'

const LENGTH = 11

/**
 * The end of a United States social security number that begins at `at`, or -1: AAA-GG-SSSS with dashes or spaces, and
 * no part that is never issued (areas 000, 666 and 900 up, group 00, serial 0000). Nine bare digits are too common a
 * sight to be called one.
 */
export function usSsnAt(text: string, at: number): number {
  const separator = text.charCodeAt(at + 3)
  if (!isSeparator(separator) || text.charCodeAt(at + 6) !== separator) return -1
  if (!isFree(text, at) || isJoined(text, at)) return -1
  if (!areDigits(text, at, 3) || !areDigits(text, at + 4, 2) || !areDigits(text, at + 7, 4)) return -1

  const area = text.slice(at, at + 3)
  if (area === '000' || area === '666' || area.startsWith('9')) return -1
  if (text.slice(at + 4, at + 6) === '00' || text.slice(at + 7, at + LENGTH) === '0000') return -1
  const end = at + LENGTH
  return isClosed(text, end) && !(text.charCodeAt(end) === 0x2d && isDigit(text.charCodeAt(end + 1))) ? end : -1
}

/** Part of a longer dashed number, such as 1-234-56-7890. */
const isJoined = (text: string, at: number): boolean =>
  text.charCodeAt(at - 1) === 0x2d && isDigit(text.charCodeAt(at - 2))

function areDigits(text: string, at: number, count: number): boolean {
  for (let index = at; index < at + count; index++) if (!isDigit(text.charCodeAt(index))) return false
  return true
}
