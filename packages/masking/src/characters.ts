const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

/**
 * The index just behind the first `count` characters of well-formed text, or the text's length where there are fewer.
 * A character is a code point, as for char_length in a UTF-8 database.
 */
export function indexAfter(text: string, count: number): number {
  let at = 0
  for (let left = count; left > 0 && at < text.length; left--) at += isHigh(text.charCodeAt(at)) ? 2 : 1
  return at
}

/** The index of the last `count` characters, or 0 where there are fewer. */
export function indexBefore(text: string, count: number): number {
  let at = text.length
  for (let left = count; left > 0 && at > 0; left--) at -= isLow(text.charCodeAt(at - 1)) ? 2 : 1
  return at
}

/** Whether the text has at least `count` characters. Looks no further than it must. */
export function hasCharacters(text: string, count: number): boolean {
  if (text.length < count) return false
  let at = 0
  for (let seen = 0; seen < count; seen++) {
    if (at >= text.length) return false
    at += isHigh(text.charCodeAt(at)) ? 2 : 1
  }
  return true
}

/** How many characters the text has. */
export function countCharacters(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) if (!isLow(text.charCodeAt(at))) count++
  return count
}
