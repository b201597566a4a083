import { hash } from 'node:crypto'
import type { Token } from './lex.ts'

/** Characters of a fingerprint: enough that a gateway's statements don't meet by chance (64 bits). */
const CHARS = 16

/**
 * The name of a statement but for its literals and its layout: keywords and bare names in lower case, literals and
 * parameters as `?`, lists and rows of them as one. Made of tokens alone: what a parser would say of a text that it
 * refuses never gets into it.
 *
 * @example
 * fingerprintOf(text, lex(text)) // the same for `SELECT a FROM t WHERE b IN (1, 2)` and `select a from t where b in ('x')`
 */
export const fingerprintOf = (text: string, tokens: readonly Token[]): string =>
  hash('sha256', normalForm(text, tokens)).slice(0, CHARS)

/** What a fingerprint is the digest of. */
export function normalForm(text: string, tokens: readonly Token[]): string {
  const parts: string[] = []
  for (const token of tokens) {
    const part = partOf(text, token)
    if (part === null) continue
    if (part === '?') addLiteral(parts)
    else parts.push(part)
    if (part === ')') foldRow(parts)
  }
  return parts.join(' ')
}

function partOf(text: string, { kind, start, end }: Token): string | null {
  switch (kind) {
    case 'space':
    case 'line-comment':
    case 'block-comment':
      return null
    case 'string':
    case 'number':
    case 'parameter':
      return '?'
    case 'word':
      return folded(text.slice(start, end))
    default: {
      const part = text.slice(start, end)
      return part === ';' ? null : part
    }
  }
}

/** The server folds letters of ASCII only (downcase_identifier in scansup.c, in a multibyte encoding). */
const folded = (word: string): string =>
  CAPITALS.test(word) ? word.replace(/[A-Z]+/g, letters => letters.toLowerCase()) : word
const CAPITALS = /[A-Z]/

/** A literal goes on where another one ends, and stands for the list that it is in. A sign before it is a part of it. */
function addLiteral(parts: string[]): void {
  const sign = parts.at(-1)
  const before = parts.at(-2)
  if ((sign === '-' || sign === '+') && (before === '(' || before === ',')) parts.pop()
  if (parts.at(-1) === '?') return
  if (parts.at(-1) === ',' && parts.at(-2) === '?') parts.pop()
  else parts.push('?')
}

/** `(?), (?)` is `(?)`: how many rows of literals there are is none of the statement's name. */
function foldRow(parts: string[]): void {
  const at = parts.length
  const isRow = parts[at - 2] === '?' && parts[at - 3] === '('
  const isSecond = parts[at - 4] === ',' && parts[at - 5] === ')' && parts[at - 6] === '?' && parts[at - 7] === '('
  if (isRow && isSecond) parts.length = at - 4
}
