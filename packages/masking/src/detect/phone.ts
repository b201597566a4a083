import { isClosed, isDigit, isFree } from './ascii.ts'

/** E.164 allows 15 digits, country code included; fewer than 8 with a plus is more often a sum or a UTC offset. */
const INTERNATIONAL_DIGITS_MIN = 8
const INTERNATIONAL_DIGITS_MAX = 15
const PLUS = 0x2b
const OPEN = 0x28
const CLOSE = 0x29

/**
 * The end of a telephone number that begins at `at`, or -1: international with a plus, or ten digits as North Americans
 * group them, `(212) 555-0123`, `212-555-0123`, with or without `1` before. Bare digits are no telephone number.
 */
export function phoneAt(text: string, at: number): number {
  const first = text.charCodeAt(at)
  if (first !== PLUS && first !== OPEN && !isDigit(first)) return -1
  if (!isFree(text, at)) return -1
  return first === PLUS ? internationalEnd(text, at) : northAmericanEnd(text, at)
}

function internationalEnd(text: string, at: number): number {
  if (text.charCodeAt(at + 1) === 0x30) return -1
  let digits = 0
  let end = -1
  for (let position = at + 1; ; position++) {
    const unit = text.charCodeAt(position)
    if (isDigit(unit)) {
      digits++
      end = position + 1
    } else if (position === at + 1 || !isBetween(text, position)) break
  }
  return digits >= INTERNATIONAL_DIGITS_MIN && digits <= INTERNATIONAL_DIGITS_MAX && isClosed(text, end) ? end : -1
}

/** One separator between digits, or the two around parentheses. */
function isBetween(text: string, position: number): boolean {
  const unit = text.charCodeAt(position)
  const next = text.charCodeAt(position + 1)
  if (unit === OPEN) return isDigit(next)
  if (unit === CLOSE) return isDigit(next) || isMark(next)
  return isMark(unit) && (isDigit(next) || next === OPEN)
}

/** Space, dash, dot. */
const isMark = (unit: number): boolean => unit === 0x20 || unit === 0x2d || unit === 0x2e

/** Area and exchange begin with 2 to 9 (North American Numbering Plan). */
const NORTH_AMERICAN = /(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}/y

function northAmericanEnd(text: string, at: number): number {
  const before = text.charCodeAt(at - 1)
  if ((before === 0x2d || before === PLUS) && isDigit(text.charCodeAt(at - 2))) return -1
  NORTH_AMERICAN.lastIndex = at
  if (!NORTH_AMERICAN.test(text)) return -1
  const end = NORTH_AMERICAN.lastIndex
  return isClosed(text, end) && !(text.charCodeAt(end) === 0x2d && isDigit(text.charCodeAt(end + 1))) ? end : -1
}
