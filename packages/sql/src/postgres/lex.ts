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
const OPERATORS = /[-+*/<>=~!@#%^&|`?]/
const ESCAPE_STRING = /[eE]'/y
const PREFIXED_STRING = /(?:[nNbBxX]|[uU]&)'/y
const UNICODE_IDENTIFIER = /[uU]&"/y
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

const beginsEscapes = (text: string, start: number): boolean => matchAt(ESCAPE_STRING, text, start) > start

function tokenAt(text: string, at: number): Token {
  const simple = (kind: TokenKind, pattern: RegExp): Token | null => {
    const end = matchAt(pattern, text, at)
    return end > at ? { kind, start: at, end } : null
  }
  return (
    simple('space', SPACE) ??
    simple('line-comment', LINE_COMMENT) ??
    (text.startsWith('/*', at) ? blockComment(text, at) : null) ??
    literalAt(text, at) ??
    simple('word', WORD) ??
    simple('number', NUMBER) ??
    simple('parameter', PARAMETER) ??
    operatorAt(text, at) ?? { kind: 'mark', start: at, end: at + (text.startsWith('::', at) ? 2 : 1) }
  )
}

function literalAt(text: string, at: number): Token | null {
  if (text[at] === "'") return quoted(text, at, at + 1, "'", false, 'string')
  if (text[at] === '"') return quoted(text, at, at + 1, '"', false, 'identifier')
  if (text[at] === '$') return dollarQuoted(text, at)
  const escaping = matchAt(ESCAPE_STRING, text, at)
  if (escaping > at) return quoted(text, at, escaping, "'", true, 'string')
  const prefixed = matchAt(PREFIXED_STRING, text, at)
  if (prefixed > at) return quoted(text, at, prefixed, "'", false, 'string')
  const unicode = matchAt(UNICODE_IDENTIFIER, text, at)
  return unicode > at ? quoted(text, at, unicode, '"', false, 'identifier') : null
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
function operatorAt(text: string, start: number): Token | null {
  let end = start
  while (end < text.length && OPERATORS.test(text.charAt(end))) {
    if (end > start && (text.startsWith('--', end) || text.startsWith('/*', end))) break
    end += 1
  }
  return end > start ? { kind: 'operator', start, end } : null
}
