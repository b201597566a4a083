/** How a character that could deceive is shown: `<U+202E>`. */
const escaped = (character: string): string =>
  `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`

// Everything that is drawn as itself: letters, marks, digits, punctuation, symbols.
const DRAWN = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u
// Drawn as nothing, or steering what is around it.
const UNSEEN = /^[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\u2800]$/u
// The ranges whose letters run right to left by default (Unicode Standard Annex 9, table of Bidi_Class defaults):
// they turn the order of what stands between them around.
const RIGHT_TO_LEFT = /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]$/u

const isAscii = (character: string): boolean => character >= ' ' && character <= '~'
const isHarmless = (character: string): boolean =>
  isAscii(character) || (DRAWN.test(character) && !UNSEEN.test(character) && !RIGHT_TO_LEFT.test(character))

/** Text with everything but printable ASCII escaped: for names, where one letter may imitate another. */
export const visibleName = (text: string): string => Array.from(text, c => (isAscii(c) ? c : escaped(c))).join('')

/** Text with everything that can't be seen, or that moves what can, escaped: for values. */
export const visibleValue = (text: string): string => Array.from(text, c => (isHarmless(c) ? c : escaped(c))).join('')

/**
 * SQL as a person may trust it: like {@link visibleValue} inside quoted string literals, like {@link visibleName} everywhere
 * else, identifiers and dollar quotes included. Nothing is cut.
 */
export function visibleSql(sql: string): string {
  // A literal: quote to quote, doubled quotes within; after E also backslashed characters.
  const literal = /(?<![\w$])[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'/gsu
  let shown = ''
  let at = 0
  for (const { index, 0: text } of sql.matchAll(literal)) {
    shown += visibleName(sql.slice(at, index)) + visibleValue(text)
    at = index + text.length
  }
  return shown + visibleName(sql.slice(at))
}
