import type { Dialect } from '@querywarden/policy-core'

/** A stretch of SQL text, as far as telling literals from the rest needs it. */
export interface SqlToken {
  readonly kind: 'word' | 'quoted-name' | 'string' | 'dollar-string' | 'bits' | 'number' | 'comment' | 'space' | 'other'
  readonly text: string
}

/**
 * Cuts SQL into tokens by its lexical rules alone (PostgreSQL manual 4.1, MySQL manual 9.1). Total: any text gives
 * tokens that join to the text again. Where a quote never closes, the rest of the text belongs to it, so that a literal
 * is never taken for something else.
 */
export function lexSql(text: string, dialect: Dialect): readonly SqlToken[] {
  const tokens: SqlToken[] = []
  for (let at = 0; at < text.length; ) {
    const token =
      nextPlain(text, at, dialect) ?? (dialect === 'postgres' ? nextPostgres(text, at) : nextMysql(text, at))
    tokens.push(token)
    at += token.text.length
  }
  return tokens
}

// Written once: a pattern literal inside a function is a new object at each call, and this runs for each token.
const LINE_COMMENT = /--[^\r\n]*/y
// Two dashes open a comment only before white space, a control character or the end.
const MYSQL_LINE_COMMENT = /(?:#|--(?![!-~\u0080-\uffff]))[^\n]*/y
const MYSQL_BLOCK_COMMENT = /\/\*[\s\S]*?(?:\*\/|$)/y
// The servers' own white space: PostgreSQL takes U+00A0 and its kin for letters.
const SPACE = /[ \t\n\r\f\v]+/y
const WORD = /[a-zA-Z_\u0080-\u{10ffff}][\w$\u0080-\u{10ffff}]*/uy
const MARKER = /\$\d+|::/y
// Letters belong to it: 1e5 and 0x1F are numbers whole, and what is no number hides more that way, never less.
const NUMBER = /(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?/y
const ANYTHING = /[\s\S]/uy
const DOLLAR_QUOTE = /\$(?:[a-zA-Z_\u0080-\u{10ffff}][\w\u0080-\u{10ffff}]*)?\$/uy
const POSTGRES_PREFIX = /[eEbBxXnN](?=')|[uU]&(?=['"])/y
const MYSQL_PREFIX = /[bBxXnN](?=')|_\w+[ \t\n\r]*(?=['"])/y

const [WORD_LIKE, SPACE_LIKE, SINGLE] = [1, 2, 3]

/** What a token is that begins with one of the first 128 characters, where that alone tells. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code)
  if (/[a-zA-Z]/.test(char)) return WORD_LIKE
  if (/[ \t\n\r\f\v]/.test(char)) return SPACE_LIKE
  return /[,()=*+;<>[\]|%!^~?@{}]/.test(char) ? SINGLE : 0
})
/** What a word goes on with, of those. */
const IN_WORD: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  /[\w$]/.test(String.fromCharCode(code)) ? 1 : 0,
)

/** Most tokens are words, spaces and single characters: told without a pattern. Null where it takes more to tell. */
function nextPlain(text: string, at: number, dialect: Dialect): SqlToken | null {
  const first = text.charCodeAt(at)
  const kind = first < 128 ? (PLAIN[first] ?? 0) : 0
  if (kind === SINGLE) return cut('other', text, at, at + 1)
  if (kind === 0) return null
  let end = at + 1
  if (kind === SPACE_LIKE) {
    while (PLAIN[text.charCodeAt(end)] === SPACE_LIKE) end++
    return cut('space', text, at, end)
  }
  while (end < text.length && isInWord(text.charCodeAt(end))) end++
  // A prefix of a string is one letter, and PostgreSQL's `U&`.
  const next = text.charCodeAt(end)
  if (end === at + 1 && (next === QUOTE || (next === AMPERSAND && dialect === 'postgres'))) return null
  return cut('word', text, at, end)
}

const QUOTE = 0x27
const AMPERSAND = 0x26

const isInWord = (code: number): boolean => code >= 128 || IN_WORD[code] === 1

function nextPostgres(text: string, at: number): SqlToken {
  if (text.startsWith('/*', at)) return cut('comment', text, at, nestedCommentEnd(text, at))
  return (
    tryMatch('comment', text, at, LINE_COMMENT) ??
    prefixedString(text, at, POSTGRES_PREFIX) ??
    dollarString(text, at) ??
    quoted(text, at, "'", 'string', { backslash: false }) ??
    quoted(text, at, '"', 'quoted-name', { backslash: false }) ??
    plain(text, at)
  )
}

function nextMysql(text: string, at: number): SqlToken {
  return (
    tryMatch('comment', text, at, MYSQL_LINE_COMMENT) ??
    // A comment that MySQL may run is dropped like any other: it can hold literals, and this is no parser.
    tryMatch('comment', text, at, MYSQL_BLOCK_COMMENT) ??
    prefixedString(text, at, MYSQL_PREFIX) ??
    quoted(text, at, "'", 'string', { backslash: true }) ??
    quoted(text, at, '"', 'string', { backslash: true }) ??
    quoted(text, at, '`', 'quoted-name', { backslash: false }) ??
    plain(text, at)
  )
}

const plain = (text: string, at: number): SqlToken =>
  tryMatch('space', text, at, SPACE) ??
  tryMatch('word', text, at, WORD) ??
  tryMatch('other', text, at, MARKER) ??
  tryMatch('number', text, at, NUMBER) ??
  tryMatch('other', text, at, ANYTHING) ?? { kind: 'other', text: text.slice(at, at + 1) }

/** E'', B'', X'', N'', U&'', U&"" and MySQL's _charset''. */
function prefixedString(text: string, at: number, prefix: RegExp): SqlToken | null {
  prefix.lastIndex = at
  const found = prefix.exec(text)?.[0]
  if (found === undefined) return null
  const quote = text.startsWith('"', at + found.length) ? '"' : "'"
  const letter = found.toLowerCase()
  const isMysql = prefix === MYSQL_PREFIX
  const kind = letter === 'b' || letter === 'x' ? 'bits' : quote === '"' && !isMysql ? 'quoted-name' : 'string'
  const backslash = isMysql ? kind === 'string' : letter === 'e'
  return cut(kind, text, at, quotedEnd(text, at + found.length, quote, { backslash }))
}

function dollarString(text: string, at: number): SqlToken | null {
  DOLLAR_QUOTE.lastIndex = at
  const tag = DOLLAR_QUOTE.exec(text)?.[0]
  if (tag === undefined) return null
  const close = text.indexOf(tag, at + tag.length)
  return cut('dollar-string', text, at, close === -1 ? text.length : close + tag.length)
}

interface Escapes {
  readonly backslash: boolean
}

function quoted(text: string, at: number, quote: string, kind: SqlToken['kind'], escapes: Escapes): SqlToken | null {
  return text[at] === quote ? cut(kind, text, at, quotedEnd(text, at, quote, escapes)) : null
}

/** Just after the closing quote. A doubled quote is part of the text. */
function quotedEnd(text: string, at: number, quote: string, escapes: Escapes): number {
  for (let i = at + 1; i < text.length; i++) {
    if (escapes.backslash && text[i] === '\\') i++
    else if (text[i] === quote && text[i + 1] === quote) i++
    else if (text[i] === quote) return i + 1
  }
  return text.length
}

/** PostgreSQL's comments nest. */
function nestedCommentEnd(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length - 1; i++) {
    const two = text.slice(i, i + 2)
    if (two === '/*') depth++
    if (two === '*/') depth--
    if (two !== '/*' && two !== '*/') continue
    i++
    if (depth === 0) return i + 1
  }
  return text.length
}

const cut = (kind: SqlToken['kind'], text: string, start: number, end: number): SqlToken => ({
  kind,
  text: text.slice(start, end),
})

function tryMatch(kind: SqlToken['kind'], text: string, at: number, pattern: RegExp): SqlToken | null {
  pattern.lastIndex = at
  const found = pattern.exec(text)
  return found === null ? null : { kind, text: found[0] }
}
