/** Texts of so few UTF-16 units are light whatever they hold. */
const LIGHT_CHARS = 2_048
/** Longer ones never are. */
const CHARS_MAX = 16_384
/** Reading a text of so many tokens takes about as long as handing it to a thread and back (bench/classify.mjs). */
const TOKENS_MAX = 1_024

/**
 * Whether a text is read sooner than it is handed over: it is then read in place. No text that passes stops the process
 * for more than a few milliseconds (findings of bench/classify.mjs). Linear, and only for texts that are short.
 */
export function isLight(text: string): boolean {
  if (text.length <= LIGHT_CHARS) return true
  return text.length <= CHARS_MAX && tokensAtMost(text) <= TOKENS_MAX
}

/** Words and numbers, and each character that is neither: at least as many as a text has tokens. */
function tokensAtMost(text: string): number {
  let tokens = 0
  let isInside = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isSpace = code === 0x20 || (code >= 9 && code <= 13)
    const isWord = code >= 0x80 || (code >= 0x30 && code <= 0x39) || ((code | 0x20) - 0x61) >>> 0 < 26 || code === 0x5f
    if (!isSpace && !(isWord && isInside)) tokens += 1
    isInside = isWord
  }
  return tokens
}
