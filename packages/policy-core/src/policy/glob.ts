/** Whether a text holds a wildcard. */
export const isGlob = (text: string): boolean => text.includes('*')

/**
 * Whether `text` matches `glob`, where `*` stands for any run of characters. Takes time in proportion to the product
 * of the lengths at worst: a regular expression with many stars could take exponential time on a hostile name.
 */
export function matchGlob(glob: string, text: string): boolean {
  let inGlob = 0
  let inText = 0
  let star = -1
  let retryAt = 0
  while (inText < text.length) {
    if (glob[inGlob] === '*') {
      star = inGlob
      inGlob += 1
      retryAt = inText
    } else if (glob[inGlob] === text[inText]) {
      inGlob += 1
      inText += 1
    } else if (star >= 0) {
      retryAt += 1
      inText = retryAt
      inGlob = star + 1
    } else return false
  }
  while (glob[inGlob] === '*') inGlob += 1
  return inGlob === glob.length
}
