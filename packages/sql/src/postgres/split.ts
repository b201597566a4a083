import { blankComments } from './comments.ts'
import type { Grammar, ParsedStatement } from './engine.ts'
import { lex, type Token } from './lex.ts'
import { checkCharacters, checkTokens, opaque, type ParseLimits, type Refused } from './limits.ts'
import { readSessionCommand, type SessionCommand } from './session-command.ts'

/** A text that passed all checks, as it was parsed: comments blanked, offsets as in the original. */
export interface ReadText {
  readonly kind: 'read'
  /** The text that was parsed. Nothing else may be sent. */
  readonly text: string
  /** Tokens of `text`; no comments are left. */
  readonly tokens: readonly Token[]
  readonly statements: readonly ParsedStatement[]
}

/** Checks, blanks and parses a text. Total. `tokens`: of the text, where they are known. */
export function readText(
  text: string,
  grammar: Grammar,
  limits: ParseLimits,
  tokens: readonly Token[] | null = null,
): ReadText | Refused {
  const refused = checkCharacters(text, limits)
  if (refused !== null) return refused
  const original = tokens ?? lex(text)
  const tooMuch = checkTokens(text, original, limits)
  if (tooMuch !== null) return tooMuch
  const blanking = blankComments(text, original)
  if (blanking.kind === 'ambiguous')
    return opaque(
      'SYNTAX',
      'a comment stands between two string literals, expected a space',
      Buffer.byteLength(text.slice(0, blanking.at)),
    )
  const outcome = grammar.parse(blanking.text)
  switch (outcome.kind) {
    case 'parsed': {
      const read = blanking.text === text ? original : lex(blanking.text)
      return { kind: 'read', text: blanking.text, tokens: read, statements: outcome.statements }
    }
    case 'syntax-error':
      return opaque('SYNTAX', outcome.message, outcome.offset)
    case 'failure':
      return opaque('PARSER_FAILED', outcome.message, null)
  }
}

/**
 * A text of one statement, read anew without what stands behind it: a semicolon, most of the time. The same tree as
 * parsing the statement alone gives, at no cost. Null where there is more than one, or something stands before it.
 */
export function soleStatement(read: ReadText): ReadText | null {
  const [statement, second] = read.statements
  if (statement === undefined || second !== undefined || statement.start !== 0) return null
  const bytes = Buffer.byteLength(read.text)
  if (bytes !== read.text.length || isSpace(read.text.charCodeAt(0))) return null
  let end = statement.end
  while (end > 0 && isSpace(read.text.charCodeAt(end - 1))) end -= 1
  return {
    kind: 'read',
    text: read.text.slice(0, end),
    tokens: read.tokens.filter(token => token.end <= end),
    statements: [{ ...statement, end }],
  }
}

/** One statement of a text, and where it began in it. */
export interface SplitStatement {
  /** Exactly one statement, without comments. */
  readonly text: string
  /** In UTF-8 bytes of the original text. */
  readonly start: number
  /** What it does with prepared statements, cursors and savepoints that the client names, or null. */
  readonly command: SessionCommand | null
}

/** A text's statements, or why it can't be split. */
export type Splitting = { readonly kind: 'split'; readonly statements: readonly SplitStatement[] } | Refused

/**
 * Splits a text into its statements by the server's own grammar. Comments are blanked; a text of nothing but comments,
 * spaces and semicolons has no statements.
 *
 * @example
 * splitStatements('select 1; fetch c', grammar, DEFAULT_LIMITS)
 * // { kind: 'split', statements: [{ text: 'select 1', start: 0, … }, { text: 'fetch c', start: 10, command: … }] }
 */
export function splitStatements(text: string, grammar: Grammar, limits: ParseLimits): Splitting {
  const read = readText(text, grammar, limits)
  return read.kind === 'opaque' ? read : splitRead(read, grammar)
}

/** Splits a text that has been read. */
export function splitRead(read: ReadText, grammar: Grammar): Splitting {
  const sole = soleStatement(read)
  const commandIn = (statement: ParsedStatement, text: string) => readSessionCommand(statement, text, grammar)
  const [only] = sole?.statements ?? []
  if (sole !== null && only !== undefined)
    return { kind: 'split', statements: [{ text: sole.text, start: 0, command: commandIn(only, sole.text) }] }
  const bytes = Buffer.from(read.text)
  const statements = read.statements.map(statement => {
    const { start, end } = statement
    const slice = bytes.subarray(start, end)
    let from = 0
    let to = slice.length
    while (from < to && isSpace(slice[from])) from += 1
    while (to > from && isSpace(slice[to - 1])) to -= 1
    const text = slice.subarray(from, to).toString()
    return { text, start: start + from, command: commandIn(statement, text) }
  })
  return { kind: 'split', statements }
}

/** Space, tab, newline, vertical tab, form feed, carriage return. */
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13)
