/** What COPY … TO STDOUT gives, as a query that the server can be asked to describe. */
export interface CopySource {
  readonly query: string
  /** The query has just the columns of the data; else it may have more: those that the server computes. */
  readonly isExact: boolean
}

/**
 * Reads what a COPY … TO STDOUT takes its rows from. The text is one that the server's grammar takes, without comments;
 * this reader shares no code with whoever puts masks into it, and gives null for what it doesn't expect.
 *
 * @example
 * copySource('copy (select ssn from people) to stdout csv') // { query: 'select ssn from people', isExact: true }
 * copySource('copy people (ssn) to stdout') // { query: 'SELECT "ssn" FROM ONLY people', isExact: true }
 */
export function copySource(text: string): CopySource | null {
  const tokens = tokensOf(text)
  if (tokens === null || !isWord(tokens[0], 'copy')) return null
  const from = isWord(tokens[1], 'binary') ? 2 : 1
  const isQuery = tokens[from]?.text === '('
  const end = isQuery ? closingOf(tokens, from) : tokens.findIndex(token => isWord(token, 'to'))
  if (end < 0) return null
  const to = isQuery ? end + 1 : end
  // The server takes either word in either direction (copy_file_name in gram.y).
  if (!isWord(tokens[to], 'to') || !(isWord(tokens[to + 1], 'stdout') || isWord(tokens[to + 1], 'stdin'))) return null
  if (!isQuery) return tableSource(tokens.slice(from, end))
  const [open, close] = [tokens[from], tokens[end]]
  return open === undefined || close === undefined ? null : { query: text.slice(open.end, close.start), isExact: true }
}

interface Token {
  readonly kind: 'word' | 'identifier' | 'mark' | 'other'
  readonly start: number
  readonly end: number
  readonly text: string
}

const isWord = (token: Token | undefined, word: string): boolean =>
  token?.kind === 'word' && token.text.toLowerCase() === word

/** COPY of a table leaves out its children, and the columns that the server computes. */
function tableSource(tokens: readonly Token[]): CopySource | null {
  const paren = tokens.findIndex(({ text }) => text === '(')
  const name = paren < 0 ? tokens : tokens.slice(0, paren)
  if (!isList(name, '.')) return null
  const table = name.map(({ text }) => text).join('')
  if (paren < 0) return { query: `SELECT * FROM ONLY ${table}`, isExact: false }
  const columns = tokens.slice(paren + 1, -1)
  if (tokens.at(-1)?.text !== ')' || !isList(columns, ',')) return null
  const list = columns.filter(({ kind }) => kind !== 'mark').map(asColumn)
  return { query: `SELECT ${list.join(', ')} FROM ONLY ${table}`, isExact: true }
}

/** Names with a mark between each two. */
const isList = (tokens: readonly Token[], mark: string): boolean =>
  tokens.length % 2 === 1 &&
  tokens.every(({ kind, text }, i) => (i % 2 === 1 ? text === mark : kind === 'word' || kind === 'identifier'))

/** In a column list any word is a name; in a SELECT some would be more than that. */
const asColumn = ({ kind, text }: Token): string =>
  kind === 'identifier' ? text : `"${text.replaceAll(/[A-Z]/g, letter => letter.toLowerCase())}"`

function closingOf(tokens: readonly Token[], open: number): number {
  let depth = 0
  for (let i = open; i < tokens.length; i++) {
    const { kind, text } = tokens[i] ?? { kind: 'other', text: '' }
    if (kind !== 'mark') continue
    if (text === '(') depth += 1
    if (text === ')') depth -= 1
    if (depth === 0) return i
  }
  return -1
}

const SPACE = /[ \t\n\r\f\v]+/y
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const NUMBER = /[0-9][A-Za-z0-9_.]*/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
const PREFIX = /(?:[eEnNbBxX]|[uU]&)'|[uU]&"/y
/** A literal goes on behind a line break (manual, 4.1.2.1). */
const CONTINUATION = /[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'/y

/** The tokens of a text (src/backend/parser/scan.l, with standard_conforming_strings on), or null where it ends inside one. */
function tokensOf(text: string): readonly Token[] | null {
  const tokens: Token[] = []
  for (let at = 0; at < text.length; ) {
    const space = endOf(SPACE, text, at)
    if (space > at) {
      at = space
      continue
    }
    // A comment: they are blanked before anything is sent.
    if (text.startsWith('--', at) || text.startsWith('/*', at)) return null
    const { kind, end } = tokenAt(text, at)
    if (end < 0) return null
    tokens.push({ kind, start: at, end, text: text.slice(at, end) })
    at = end
  }
  return tokens
}

function tokenAt(text: string, at: number): { readonly kind: Token['kind']; readonly end: number } {
  const sign = text.charAt(at)
  const quote = endOf(PREFIX, text, at) - 1
  if (quote > at && text[quote] === '"') return { kind: 'identifier', end: quotedEnd(text, quote, '"') }
  if (quote > at) return { kind: 'other', end: literalEnd(text, quote, sign === 'e' || sign === 'E') }
  if (sign === "'") return { kind: 'other', end: literalEnd(text, at, false) }
  if (sign === '"') return { kind: 'identifier', end: quotedEnd(text, at, '"') }
  const word = endOf(WORD, text, at)
  if (word > at) return { kind: 'word', end: word }
  const number = endOf(NUMBER, text, at)
  if (number > at) return { kind: 'other', end: number }
  const tag = endOf(DOLLAR_TAG, text, at)
  if (tag === at) return { kind: 'mark', end: at + 1 }
  const closing = text.indexOf(text.slice(at, tag), tag)
  return { kind: 'other', end: closing < 0 ? -1 : closing + tag - at }
}

function literalEnd(text: string, open: number, hasEscapes: boolean): number {
  let end = hasEscapes ? escapedEnd(text, open) : quotedEnd(text, open, "'")
  while (end >= 0) {
    const next = endOf(CONTINUATION, text, end) - 1
    if (next < end) return end
    end = hasEscapes ? escapedEnd(text, next) : quotedEnd(text, next, "'")
  }
  return -1
}

/** Behind the quote that closes, where a doubled one is a sign of its own. */
function quotedEnd(text: string, open: number, quote: string): number {
  for (let at = open + 1; ; at += 2) {
    at = text.indexOf(quote, at)
    if (at < 0) return -1
    if (text[at + 1] !== quote) return at + 1
  }
}

/** The same where a backslash takes the next sign along. */
function escapedEnd(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === "'") {
      if (text[at + 1] !== "'") return at + 1
      at += 1
    }
  }
  return -1
}

/** Where a match at an offset ends; the offset itself where there is none. */
function endOf(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : at
}
