/**
 * What a stretch of SQL text is to the server's scanner (src/backend/parser/scan.l). `string` covers all literals in
 * single quotes and in dollars, `identifier` the quoted ones, `word` bare identifiers and keywords, `broken` a literal
 * or comment that doesn't end.
 */
export type TokenKind =
  | 'space'
  | 'line-comment'
  | 'block-comment'
  | 'word'
  | 'identifier'
  | 'string'
  | 'number'
  | 'parameter'
  | 'operator'
  | 'mark'
  | 'broken'

/** A token: `start` inclusive and `end` exclusive, in UTF-16 units. */
export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
}

const SPACE = /[ \t\n\r\f\v]+/y
const LINE_COMMENT = /--[^\n\r]*/y
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const NUMBER = /0[xXoObB][0-9A-Fa-f_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?/y
const PARAMETER = /\$[0-9]+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
/** Letters right before a quote that make a literal or an identifier of it. */
const PREFIX = /(?:[eEnNbBxX]|[uU]&)'|[uU]&"/y
const OPERATORS = '-+*/<>=~!@#%^&|`?'
const NEWLINE = /[\n\r]/

const matchAt = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/**
 * Cuts a text into tokens as the server does under standard_conforming_strings=on. Every character is in one token.
 * Linear in the length of the text.
 *
 * @example
 * lex("select 1 -- one").map(token => token.kind) // ['word', 'space', 'number', 'space', 'line-comment']
 */
export function lex(text: string): readonly Token[] {
  const tokens: Token[] = []
  // A literal goes on after white space with a newline in it, with or without escapes as it began (scan.l, <xqs>).
  let escapes = false
  let after: 'other' | 'literal' | 'newline' = 'other'
  for (let at = 0; at < text.length; ) {
    const goesOn = after === 'newline' && text[at] === "'"
    const token: Token = goesOn ? quoted(text, at, at + 1, "'", escapes, 'string') : tokenAt(text, at)
    if (token.kind === 'string' && text[token.end - 1] === "'") {
      if (!goesOn) escapes = beginsEscapes(text, token.start)
      after = 'literal'
    } else if (token.kind === 'space') {
      if (after === 'literal' && NEWLINE.test(text.slice(token.start, token.end))) after = 'newline'
    } else if (token.kind !== 'line-comment') {
      after = 'other'
    }
    tokens.push(token)
    at = token.end
  }
  return tokens
}

const beginsEscapes = (text: string, start: number): boolean => text[start] === 'e' || text[start] === 'E'

function tokenAt(text: string, at: number): Token {
  const code = text.charCodeAt(at)
  const to = (kind: TokenKind, pattern: RegExp): Token => ({ kind, start: at, end: matchAt(pattern, text, at) })
  if (isSpace(code)) return to('space', SPACE)
  if (isWordStart(code)) return prefixedAt(text, at) ?? to('word', WORD)
  if (isDigit(code) || (text[at] === '.' && isDigit(text.charCodeAt(at + 1)))) return to('number', NUMBER)
  if (text[at] === "'") return quoted(text, at, at + 1, "'", false, 'string')
  if (text[at] === '"') return quoted(text, at, at + 1, '"', false, 'identifier')
  if (text.startsWith('--', at)) return to('line-comment', LINE_COMMENT)
  if (text.startsWith('/*', at)) return blockComment(text, at)
  if (OPERATORS.includes(text.charAt(at))) return operatorAt(text, at)
  if (text[at] === '$' && isDigit(text.charCodeAt(at + 1))) return to('parameter', PARAMETER)
  if (text[at] === '$') return dollarQuoted(text, at) ?? { kind: 'mark', start: at, end: at + 1 }
  return { kind: 'mark', start: at, end: at + (text.startsWith('::', at) ? 2 : 1) }
}

/** Space, tab, newline, vertical tab, form feed, carriage return. */
const isSpace = (code: number): boolean => code === 0x20 || (code >= 9 && code <= 13)
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isWordStart = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || code >= 0x80

/** `E'…'`, `U&"…"` and their kin. */
function prefixedAt(text: string, at: number): Token | null {
  const opened = matchAt(PREFIX, text, at)
  if (opened === at) return null
  return text[opened - 1] === '"'
    ? quoted(text, at, opened, '"', false, 'identifier')
    : quoted(text, at, opened, "'", beginsEscapes(text, at), 'string')
}

function quoted(text: string, start: number, from: number, quote: string, escapes: boolean, kind: TokenKind): Token {
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === '\\') at += 1
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return { kind, start, end: at + 1 }
      at += 1
    }
  }
  return { kind: 'broken', start, end: text.length }
}

function dollarQuoted(text: string, at: number): Token | null {
  const opened = matchAt(DOLLAR_TAG, text, at)
  if (opened === at) return null
  const close = text.indexOf(text.slice(at, opened), opened)
  return close < 0
    ? { kind: 'broken', start: at, end: text.length }
    : { kind: 'string', start: at, end: close + opened - at }
}

function blockComment(text: string, start: number): Token {
  let depth = 1
  for (let at = start + 2; at < text.length; ) {
    if (text.startsWith('/*', at)) depth += 1
    else if (text.startsWith('*/', at)) depth -= 1
    else {
      at += 1
      continue
    }
    at += 2
    if (depth === 0) return { kind: 'block-comment', start, end: at }
  }
  return { kind: 'broken', start, end: text.length }
}

/** Operators end where a comment begins, even in the middle of a run of operator characters. */
function operatorAt(text: string, start: number): Token {
  let end = start + 1
  while (end < text.length && OPERATORS.includes(text.charAt(end))) {
    if (text.startsWith('--', end) || text.startsWith('/*', end)) break
    end += 1
  }
  return { kind: 'operator', start, end }
}
