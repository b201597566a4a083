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

const NUMBER = /0[xXoObB][0-9A-Fa-f_]+|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
/** Letters right before a quote that make a literal or an identifier of it. */
const PREFIX = /(?:[eEnNbBxX]|[uU]&)'|[uU]&"/y
const PREFIX_LETTERS = 'eEnNbBxXuU'
const NEWLINE = /[\n\r]/

const matchAt = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}

/** What an ASCII character can be a part of, one bit each. All others are letters. */
const SPACE = 1
const LETTER = 2
const DIGIT = 4
const DOLLAR = 8
const OPERATOR = 16
const WORD = LETTER | DIGIT | DOLLAR
const CLASSES = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code)
  if (' \t\n\r\f\v'.includes(character)) return SPACE
  if (/[A-Za-z_]/.test(character)) return LETTER
  if (/[0-9]/.test(character)) return DIGIT
  if (character === '$') return DOLLAR
  return '-+*/<>=~!@#%^&|`?'.includes(character) ? OPERATOR : 0
})

/** The class of the character at an offset; 0 behind the end. */
const classAt = (text: string, at: number): number => {
  const code = text.charCodeAt(at)
  // NaN is not at least anything.
  return code < 128 ? (CLASSES[code] ?? 0) : code >= 128 ? LETTER : 0
}

/** Where a run of characters of some classes ends. */
const runEnd = (text: string, from: number, classes: number): number => {
  let end = from
  while ((classAt(text, end) & classes) !== 0) end += 1
  return end
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
  const character = classAt(text, at)
  if (character === SPACE) return { kind: 'space', start: at, end: runEnd(text, at + 1, SPACE) }
  if (character === LETTER) return prefixedAt(text, at) ?? { kind: 'word', start: at, end: runEnd(text, at + 1, WORD) }
  if (character === DIGIT) return { kind: 'number', start: at, end: matchAt(NUMBER, text, at) }
  if (character === OPERATOR) return operatorAt(text, at)
  const isBeforeDigit = classAt(text, at + 1) === DIGIT
  switch (text[at]) {
    case '.':
      return isBeforeDigit ? { kind: 'number', start: at, end: matchAt(NUMBER, text, at) } : markAt(at, 1)
    case "'":
      return quoted(text, at, at + 1, "'", false, 'string')
    case '"':
      return quoted(text, at, at + 1, '"', false, 'identifier')
    case '$':
      if (isBeforeDigit) return { kind: 'parameter', start: at, end: runEnd(text, at + 1, DIGIT) }
      return dollarQuoted(text, at) ?? markAt(at, 1)
    default:
      return markAt(at, text.startsWith('::', at) ? 2 : 1)
  }
}

const markAt = (start: number, length: number): Token => ({ kind: 'mark', start, end: start + length })

/** `E'…'`, `U&"…"` and their kin. */
function prefixedAt(text: string, at: number): Token | null {
  const opened = PREFIX_LETTERS.includes(text.charAt(at)) ? matchAt(PREFIX, text, at) : at
  if (opened === at) return null
  return text[opened - 1] === '"'
    ? quoted(text, at, opened, '"', false, 'identifier')
    : quoted(text, at, opened, "'", beginsEscapes(text, at), 'string')
}

function quoted(text: string, start: number, from: number, quote: string, escapes: boolean, kind: TokenKind): Token {
  const mark = quote.charCodeAt(0)
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (escapes && code === BACKSLASH) at += 1
    else if (code === mark) {
      if (text.charCodeAt(at + 1) !== mark) return { kind, start, end: at + 1 }
      at += 1
    }
  }
  return { kind: 'broken', start, end: text.length }
}

const BACKSLASH = 0x5c

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

/** A run of operator characters, or a comment. Operators end where a comment begins, even in the middle of a run. */
function operatorAt(text: string, start: number): Token {
  if (text.startsWith('--', start)) return lineComment(text, start)
  if (text.startsWith('/*', start)) return blockComment(text, start)
  let end = start + 1
  while (classAt(text, end) === OPERATOR) {
    if (text.startsWith('--', end) || text.startsWith('/*', end)) break
    end += 1
  }
  return { kind: 'operator', start, end }
}

function lineComment(text: string, start: number): Token {
  let end = start + 2
  while (end < text.length && text[end] !== '\n' && text[end] !== '\r') end += 1
  return { kind: 'line-comment', start, end }
}
