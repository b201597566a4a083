import type { TextCursor } from '../text-cursor.ts'

/** Words that end the list of a SET. All are reserved: an expression has them in parentheses, or as the exceptions below. */
const ENDS: ReadonlySet<string> = new Set(['from', 'where', 'returning', 'when'])

/**
 * The index of the first token behind an expression that stands in a SET: a comma, the word that begins the next clause, or
 * what ends the statement. What comes of a wrong answer is no tree that was meant.
 */
export function expressionEnd(cursor: TextCursor, from: number): number {
  let parentheses = 0
  let cases = 0
  for (let at = from; ; at += 1) {
    const text = cursor.textOf(at)
    if (text === '') return at
    if (text === '(' || text === '[') parentheses += 1
    else if ((text === ')' || text === ']') && parentheses > 0) parentheses -= 1
    else if (parentheses > 0) continue
    else if (text === ')' || text === ',' || text === ';') return at
    // `t.from` is a column; `a is distinct from b` an expression.
    else if (cursor.textOf(at - 1) !== '.') {
      const word = cursor.wordAt(at)
      if (word === 'case') cases += 1
      else if (word === 'end') cases -= 1
      else if (cases === 0 && ENDS.has(word) && !(word === 'from' && cursor.wordAt(at - 1) === 'distinct')) return at
    }
  }
}
