import { type Place, printable } from '@querywarden/policy-core'

/** Longer lines are cut around what is pointed at. */
const COLUMNS_MAX = 100
const LEAD = 30

/** Where a place begins, line and column counted from 1, in characters. */
export interface Spot {
  readonly line: number
  readonly column: number
}

/** The spot that a byte offset of a text falls on. */
export function spotOf(text: string, { start }: Place): Spot {
  const lines = Buffer.from(text).subarray(0, start).toString().split('\n')
  return { line: lines.length, column: [...(lines.at(-1) ?? '')].length + 1 }
}

/**
 * The line of a text that a place begins on, and below it a line of carets under the place.
 *
 * @example
 * excerptOf('delete from orders', { start: 12, end: 18 })
 * // ['delete from orders',
 * //  '            ^^^^^^']
 */
export function excerptOf(text: string, place: Place): readonly [string, string] {
  const { line, column } = spotOf(text, place)
  const characters = [...(text.split('\n')[line - 1] ?? '')].map(shown)
  const from = column - 1
  const length = [...(Buffer.from(text).subarray(place.start, place.end).toString().split('\n')[0] ?? '')].length
  const cutAt = totalWidth(characters) > COLUMNS_MAX ? Math.max(0, from - LEAD) : 0
  const lead = cutAt === 0 ? '' : '…'
  const kept: string[] = []
  for (const character of characters.slice(cutAt)) {
    if (totalWidth(kept) >= COLUMNS_MAX) break
    kept.push(character)
  }
  const tail = cutAt + kept.length < characters.length ? '…' : ''
  const before = totalWidth(kept.slice(0, from - cutAt)) + lead.length
  const under = totalWidth(kept.slice(from - cutAt, from - cutAt + length))
  return [`${lead}${kept.join('')}${tail}`, `${' '.repeat(before)}${'^'.repeat(Math.max(1, under))}`]
}

const shown = (character: string): string => (character === '\t' ? ' ' : printable(character))

const totalWidth = (parts: readonly string[]): number => parts.reduce((sum, part) => sum + widthOf(part), 0)

/** Terminal columns (Unicode Standard Annex 11): two for wide characters, none for marks on the one before. */
function widthOf(part: string): number {
  let width = 0
  for (const character of part) if (!/\p{M}/u.test(character)) width += WIDE.test(character) ? 2 : 1
  return width
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
