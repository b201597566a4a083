import { lex, type Token } from './lex.ts'

/** A literal in a text: `start` inclusive and `end` exclusive. In ASCII, so bytes and UTF-16 units are the same. */
export interface LiteralSpan {
  readonly start: number
  readonly end: number
}

/**
 * One statement's text with its plain literals left out. Two statements of one outline differ only in what these literals
 * say: the characters between two quotes, or the digits of an integer.
 */
export interface Outline {
  /** Everything but the literals' values, and which kind each literal is. */
  readonly key: string
  /** The statement alone: without the semicolon and the space behind it. */
  readonly text: string
  /** The tokens of `text`. */
  readonly tokens: readonly Token[]
  readonly literals: readonly LiteralSpan[]
}

/** Long texts hardly repeat but for their literals, and cost more to compare than they save. */
const CHARS_MAX = 4_096

/**
 * The outline of a text, or null where leaving literals out could change how the server reads it. Only what is beyond
 * doubt has one: ASCII without comments, and of its literals only those left out that are digits of an `int4`, or stand
 * in plain quotes without a backslash and away from any letter or other literal.
 *
 * @example
 * outlineOf("select id from t where id = 5 and name = 'x';")?.key // "select id from t where id = #i and name = #s"
 */
export function outlineOf(text: string): Outline | null {
  if (text.length > CHARS_MAX || !PLAIN.test(text)) return null
  const all = lex(text)
  const tokens = all.slice(0, statementTokens(text, all))
  const last = tokens.at(-1)
  if (last === undefined || tokens[0]?.kind === 'space') return null
  let key = ''
  let keyed = 0
  const literals: LiteralSpan[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]
    if (token === undefined || isBarred(token)) return null
    const mark = markOf(text, token, tokens[at - 1], tokens[at + 1])
    if (mark === null) continue
    key += text.slice(keyed, token.start) + mark
    keyed = token.end
    literals.push({ start: token.start, end: token.end })
  }
  return { key: key + text.slice(keyed, last.end), text: text.slice(0, last.end), tokens, literals }
}

/** Printable ASCII, tabs and line ends. `#` is left to the marks, backslashes to the full reading. */
const PLAIN = /^[\t\n\r\x20-\x22\x24-\x5b\x5d-\x7e]*$/
const isBarred = ({ kind }: Token): boolean => kind === 'line-comment' || kind === 'block-comment' || kind === 'broken'

/** How many tokens the statement has, without what stands behind it; 0 where there is another statement. */
function statementTokens(text: string, tokens: readonly Token[]): number {
  let count = tokens.length
  while (count > 0 && isBehind(text, tokens[count - 1])) count -= 1
  for (let at = 0; at < count; at++) if (text.charCodeAt(tokens[at]?.start ?? 0) === SEMICOLON) return 0
  return count
}

const SEMICOLON = 0x3b

const isBehind = (text: string, token: Token | undefined): boolean =>
  token?.kind === 'space' || (token?.kind === 'mark' && text[token.start] === ';')

const INTEGER = /^(?:0|[1-9][0-9]{0,8})$/
const QUOTED = /^'(?:[^']|'')*'$/

/** What stands for a literal in a key, or null for a token that stays as it is. */
function markOf(text: string, token: Token, before: Token | undefined, after: Token | undefined): string | null {
  if (token.kind !== 'number' && token.kind !== 'string') return null
  if (!isApart(before) || !isApart(after)) return null
  const literal = text.slice(token.start, token.end)
  if (token.kind === 'number') return INTEGER.test(literal) ? '#i' : null
  return QUOTED.test(literal) ? '#s' : null
}

/** Whether a token can't run into a literal beside it. */
const isApart = (token: Token | undefined): boolean =>
  token === undefined || token.kind === 'space' || token.kind === 'mark' || token.kind === 'operator'
