import type { Token } from './lex.ts'

/** Characters that don't show, or that change how others show: controls, format characters, odd spaces, and their kin. */
const HIDDEN = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/gu

const ON_ONE_SPELLING = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/

/** A part without any is on that spelling, whatever it is. */
const ODD = /[^\x20-\x7e]/

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
const escapeHidden = (text: string): string =>
  text.replace(HIDDEN, character => (character === ' ' || character === '\n' ? character : escaped(character)))
const escapeForeign = (text: string): string => text.replace(/[^\x20-\x7e]/gu, escaped)

/**
 * A statement on one spelling, for a person to judge (T10): one space for any white space between tokens, hidden
 * characters escaped wherever they are, all but ASCII escaped outside literals and identifiers. Nothing is cut.
 * The tokens must be free of comments.
 *
 * @example
 * canonicalText('select\t1', lex('select\t1')) // 'select 1'
 */
export function canonicalText(text: string, tokens: readonly Token[]): string {
  // Nothing hidden, nothing foreign, one space at a time: it is on that spelling already.
  if (ON_ONE_SPELLING.test(text)) return text
  let canonical = ''
  let taken = 0
  for (const { kind, start, end } of tokens) {
    const part = text.slice(start, end)
    const spelt = spelling(kind, part)
    if (spelt === part) continue
    canonical += text.slice(taken, start) + spelt
    taken = end
  }
  return (canonical + text.slice(taken)).trim()
}

function spelling(kind: Token['kind'], part: string): string {
  if (kind === 'space') return ' '
  if (!ODD.test(part)) return part
  return kind === 'string' || kind === 'identifier' || kind === 'word' ? escapeHidden(part) : escapeForeign(part)
}
