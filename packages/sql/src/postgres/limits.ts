import type { OpaqueCode } from '@querywarden/policy-core'
import type { Token } from './lex.ts'

/** What a text may cost before anything parses it. */
export interface ParseLimits {
  /** UTF-8 bytes of one text. */
  readonly bytesMax: number
  /** Tokens of one text, white space and comments left out. */
  readonly tokensMax: number
  /** Parentheses, brackets and CASEs open at once. */
  readonly nestingMax: number
  /** Operators between two commas, ANDs or ORs; joins and set operations in one pair of parentheses. */
  readonly chainMax: number
  /** Parentheses and operators around one place, together: about the depth of the parse tree. */
  readonly depthMax: number
  /** Comments of the bracketed kind. The server needs quadratic time for them. */
  readonly blockCommentsMax: number
  /** Nodes of one parse tree. */
  readonly nodesMax: number
}

/** Limits under which a parse stays below about 0.2 s and no known input breaks a parser instance. */
export const DEFAULT_LIMITS: ParseLimits = {
  bytesMax: 1_048_576,
  tokensMax: 100_000,
  nestingMax: 200,
  chainMax: 256,
  depthMax: 500,
  blockCommentsMax: 500,
  nodesMax: 500_000,
}

/** A text that is refused unread, and why. */
export interface Refused {
  readonly kind: 'opaque'
  readonly code: OpaqueCode
  readonly message: string
  readonly offset: number | null
}

export const opaque = (code: OpaqueCode, message: string, offset: number | null): Refused => ({
  kind: 'opaque',
  code,
  message,
  offset,
})

/** Checks the characters of a text: its size, NUL, lone surrogates. Null where all is well. */
export function checkCharacters(text: string, limits: ParseLimits): Refused | null {
  if (text.length > limits.bytesMax) return tooLarge(text.length, limits)
  let bytes = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === 0) return opaque('HAS_NUL', 'the text holds a NUL character', bytes)
    if (unit < 0x80) bytes += 1
    else if (unit < 0x800) bytes += 2
    else if (unit < 0xd800 || unit > 0xdfff) bytes += 3
    else {
      const low = text.charCodeAt(at + 1)
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff))
        return opaque('NOT_UTF8', 'the text holds half of a surrogate pair, expected valid Unicode', bytes)
      bytes += 4
      at += 1
    }
  }
  return bytes > limits.bytesMax ? tooLarge(bytes, limits) : null
}

const tooLarge = (bytes: number, limits: ParseLimits): Refused =>
  opaque('TOO_LARGE', `the text has ${bytes} bytes, expected at most ${limits.bytesMax}`, null)

/** Words that make the parse tree one level deeper without any parenthesis. */
const DEEPENING = new Set(
  'not is in like ilike similar between collate at isnull notnull overlaps operator distinct'.split(' '),
)
const CHAINING = new Set(['join', 'union', 'intersect', 'except'])
/** Marks and words between expressions that don't nest in each other. */
const PARTING = new Set([',', ';', 'and', 'or', 'when', 'then', 'else'])

/** What is open at one point of a text: a parenthesis, a bracket or a CASE, and how long its chains have grown. */
interface Level {
  readonly opener: string
  operators: number
  joins: number
}

const levelOf = (opener: string): Level => ({ opener, operators: 0, joins: 0 })

/** Checks how much work the tokens of a text make. Null where all is well. */
export function checkTokens(text: string, tokens: readonly Token[], limits: ParseLimits): Refused | null {
  const levels: Level[] = []
  let level = levelOf('')
  let outerDepth = 0
  let count = 0
  let comments = 0
  let previous = ''
  const least = Math.min(limits.chainMax, limits.depthMax)
  for (const { kind, start, end } of tokens) {
    if (kind === 'block-comment' && ++comments > limits.blockCommentsMax)
      return opaque('TOO_COMPLEX', `the text has more than ${limits.blockCommentsMax} bracketed comments`, null)
    if (kind === 'space' || kind === 'line-comment' || kind === 'block-comment') continue
    count += 1
    const word = wordOf(text, kind, start, end)
    // After a dot or AS even CASE and END are names.
    const isName = previous === '.' || previous === 'as'
    previous = word
    if (word === '(' || word === '[' || (word === 'case' && !isName)) {
      outerDepth += 1 + level.operators + level.joins
      levels.push(level)
      level = levelOf(word)
    } else if (word === ')' || word === ']' || (word === 'end' && level.opener === 'case' && !isName)) {
      level = levels.pop() ?? level
      outerDepth = levels.length === 0 ? 0 : outerDepth - 1 - level.operators - level.joins
    } else if (PARTING.has(word)) level.operators = 0
    else if (kind === 'operator' || word === '::' || DEEPENING.has(word)) level.operators += 1
    else if (CHAINING.has(word)) level.joins += 1
    if (word === ';') level.joins = 0
    const nesting = levels.length
    const depth = outerDepth + level.operators + level.joins
    // Operators and joins are parts of the depth: while that is within all limits, so are they.
    if (count > limits.tokensMax || nesting > limits.nestingMax || depth > least) {
      const why = excess({ count, nesting, depth, level }, limits)
      if (why !== null) return opaque('TOO_COMPLEX', why, null)
    }
  }
  return null
}

/** No keyword that matters here is longer. */
const LONGEST_WORD = 12

/** A word, a mark or an operator as the checks know it; empty for all that can't matter to them. */
function wordOf(text: string, kind: Token['kind'], start: number, end: number): string {
  if (end - start > LONGEST_WORD) return ''
  if (kind === 'word') return text.slice(start, end).toLowerCase()
  return kind === 'operator' || kind === 'mark' ? text.slice(start, end) : ''
}

interface Work {
  readonly count: number
  readonly nesting: number
  readonly depth: number
  readonly level: Level
}

function excess({ count, nesting, depth, level }: Work, limits: ParseLimits): string | null {
  if (count > limits.tokensMax) return `the text has more than ${limits.tokensMax} tokens`
  if (nesting > limits.nestingMax) return `the text nests deeper than ${limits.nestingMax}`
  if (level.operators > limits.chainMax) return `an expression has more than ${limits.chainMax} operators in a row`
  if (level.joins > limits.chainMax) return `a query has more than ${limits.chainMax} joins or set operations in a row`
  if (depth > limits.depthMax) return `expressions in the text are nested deeper than ${limits.depthMax}`
  return null
}
