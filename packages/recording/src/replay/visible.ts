// Control and format characters, unpaired surrogates and the separators that some terminals break lines at: whatever drives,
// turns or hides text (Unicode 16, section 23.2 and UAX #9 for the bidirectional ones).
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu

/** A recorded text on one line, with all that could drive the terminal it is read in made visible. */
export const visible = (text: string): string =>
  text.replace(UNPRINTABLE, char => (char === '\n' ? '⏎' : `\\u${hexOf(char)}`))

const hexOf = (char: string): string => {
  const code = char.codePointAt(0) ?? 0
  return code > 0xffff ? `{${code.toString(16)}}` : code.toString(16).padStart(4, '0')
}

/** The same, line by line: for texts that have lines of their own. A tab is shown as blanks. */
export const visibleLines = (text: string): readonly string[] =>
  text
    .replaceAll('\t', '  ')
    .split(/\r\n|\n/)
    .map(visible)

/** How many columns of a terminal a text takes (Unicode UAX #11): East Asian wide ones two, combining marks none. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length
  let width = 0
  for (const char of text) width += columnsOf(char)
  return width
}

const columnsOf = (char: string): number => (COMBINING.test(char) ? 0 : WIDE.test(char) ? 2 : 1)

const NARROW = /^[ -~]*$/
const COMBINING = /^\p{M}$/u
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u

/** As much of a text as fits; where something is cut, its last column says so. */
export function clipped(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  return `${splitAt(text, Math.max(columns - 1, 0))[0]}…`
}

/** A text cut where so many columns are full: at least one character comes before the cut. */
export function splitAt(text: string, columns: number): readonly [string, string] {
  let [end, width] = [0, 0]
  for (const char of text) {
    width += columnsOf(char)
    if (width > columns && end > 0) break
    end += char.length
  }
  return [text.slice(0, end), text.slice(end)]
}
