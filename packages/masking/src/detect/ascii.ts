export const isDigit = (unit: number): boolean => unit >= 0x30 && unit <= 0x39

/** A to Z, without case. */
export const isLetter = (unit: number): boolean => (unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a

export const isAlphanumeric = (unit: number): boolean => isDigit(unit) || isLetter(unit)

/** Space or dash: what people group digits with. */
export const isSeparator = (unit: number): boolean => unit === 0x20 || unit === 0x2d

/**
 * Whether something may begin at `at`: not in the middle of a word, a longer number, a decimal fraction or a base64 run.
 * A comma parts columns more often than it begins a fraction. Reads past either end give NaN, which is nothing.
 */
export function isFree(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1)
  if (isAlphanumeric(before) || before === 0x5f) return false
  return !(before === 0x2e && isDigit(text.charCodeAt(at - 2)))
}

/** Whether something may end before `at`: no word and no longer number goes on there, nor a decimal fraction. */
export function isClosed(text: string, at: number): boolean {
  const after = text.charCodeAt(at)
  if (isAlphanumeric(after) || after === 0x5f) return false
  return !(after === 0x2e && isDigit(text.charCodeAt(at + 1)))
}

/** Letters, digits, dash and underscore: what URL-safe base64 and most tokens are made of. */
export const isTokenUnit = (unit: number): boolean => isAlphanumeric(unit) || unit === 0x2d || unit === 0x5f

/** Where a run of such characters that begins at `at` ends, at most `max` characters on. */
export function runEnd(text: string, at: number, isUnit: (unit: number) => boolean, max: number): number {
  const limit = Math.min(text.length, at + max)
  let end = at
  while (end < limit && isUnit(text.charCodeAt(end))) end++
  return end
}

/** Whether a token may begin at `at`: not in the middle of a word. */
export function isWordStart(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1)
  return !isAlphanumeric(before) && before !== 0x5f
}

/** Whether a token may end before `at`. */
export function isWordEnd(text: string, at: number): boolean {
  const after = text.charCodeAt(at)
  return !isAlphanumeric(after) && after !== 0x5f
}
