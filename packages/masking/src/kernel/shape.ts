/**
 * What something looks like, byte by byte of UTF-8: a regular language, so that an automaton sees it in one pass. What is
 * not ASCII is one kind of byte.
 */
export type Shape =
  /** One byte: of those signs, or not ASCII. */
  | { readonly kind: 'byte'; readonly signs: string; readonly isNonAscii: boolean }
  /** One after the other. */
  | { readonly kind: 'sequence'; readonly parts: readonly Shape[] }
  | { readonly kind: 'choice'; readonly parts: readonly Shape[] }
  /** Any number of times, none included. */
  | { readonly kind: 'many'; readonly part: Shape }
  /** Where no word goes on: the start of the text, or a byte that is no letter, digit or underscore. */
  | { readonly kind: 'edge' }

export const DIGITS = '0123456789'
const SMALL = 'abcdefghijklmnopqrstuvwxyz'
export const LETTERS: string = SMALL + SMALL.toUpperCase()

export const edge: Shape = { kind: 'edge' }
export const byteOf = (signs: string): Shape => ({ kind: 'byte', signs, isNonAscii: false })
export const byteOfOrNonAscii = (signs: string): Shape => ({ kind: 'byte', signs, isNonAscii: true })
export const sequence = (...parts: readonly Shape[]): Shape => ({ kind: 'sequence', parts })
export const choice = (...parts: readonly Shape[]): Shape => ({ kind: 'choice', parts })
export const optional = (...parts: readonly Shape[]): Shape => choice(sequence(...parts), sequence())
export const many = (part: Shape): Shape => ({ kind: 'many', part })
export const times = (count: number, ...parts: readonly Shape[]): Shape =>
  sequence(...Array.from({ length: count }, () => parts).flat())

/** A text of ASCII, letter for letter. */
export const literally = (text: string): Shape => sequence(...Array.from(text, byteOf))

/** A text of ASCII, whatever the case of its letters. */
export const inAnyCase = (text: string): Shape =>
  sequence(...Array.from(text, sign => byteOf(sign.toLowerCase() + sign.toUpperCase())))
