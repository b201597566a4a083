import type { Dialect } from '@querywarden/policy-core'
import { lexSql, type SqlToken } from './sql-lexer.ts'
import { mayCarrySecret, type StatementHints } from './sql-secrets.ts'

/** A statement's text without its literals, and whether even the encrypted part must do without them. */
export interface RedactedSql {
  /** Names, keywords and operators; each literal replaced by a placeholder of its shape; comments dropped. */
  readonly text: string
  readonly secret: boolean
}

/**
 * Replaces every literal by a placeholder, on lexical rules alone, so that it works on text no parser took.
 *
 * @example
 * redactSql("select 1 from t where a = 'x'", 'postgres', { tag: 'SELECT', functions: [] }).text
 * // select ? from t where a = '?'
 */
export function redactSql(text: string, dialect: Dialect, hints: StatementHints): RedactedSql {
  const tokens = lexSql(text, dialect)
  const secret = mayCarrySecret(tokens, hints)
  const kept = secret ? withoutValueWords(tokens) : tokens
  let redacted = ''
  for (const token of kept) redacted += placeholder(token)
  if (SPACED.test(redacted)) redacted = redacted.replace(SPACES, ' ')
  return { text: redacted.replace(OUTER_SPACE, ''), secret }
}

// The server's own white space: other kinds are letters to it, and stay.
const SPACES = /[ \t\n\r\f\v]+/g
const SPACED = /[\t\n\r\f\v]| {2}/
const OUTER_SPACE = /^ | $/g

/** A text that is not SQL may be anything, a pasted password too: of it only the first word is kept, if it is a verb. */
export function redactOpaque(text: string, dialect: Dialect): RedactedSql {
  const tokens = lexSql(text, dialect)
  const first = tokens.find(token => token.kind !== 'space' && token.kind !== 'comment')
  const verb = first !== undefined && first.kind === 'word' && VERBS.has(first.text.toLowerCase()) ? first.text : '?'
  return { text: `${verb} …`, secret: mayCarrySecret(tokens, { tag: null, functions: [] }) }
}

const VERBS: ReadonlySet<string> = new Set(
  `abort alter analyze begin call checkpoint close cluster comment commit copy create deallocate declare delete discard
  do drop end execute explain fetch grant import insert listen load lock merge move notify prepare reassign refresh
  reindex release replace reset revoke rollback savepoint security select set show start table truncate unlisten update
  use vacuum values with`.split(/\s+/),
)

function placeholder(token: SqlToken): string {
  switch (token.kind) {
    case 'string':
      return "'?'"
    case 'dollar-string':
      return '$$?$$'
    case 'bits':
      return `${token.text.slice(0, 1)}'?'`
    case 'number':
      return '?'
    case 'comment':
      return ' '
    case 'word':
    case 'quoted-name':
    case 'space':
    case 'other':
      return token.text
  }
}

/**
 * In a statement that may carry a secret, bare words can be values too: `SET app.secret = hunter2`, `PASSWORD hunter2`.
 * SET and ALTER lose everything from the first `=` or TO on; elsewhere the word after such a place goes.
 */
function withoutValueWords(tokens: readonly SqlToken[]): readonly SqlToken[] {
  const solid = tokens.filter(token => token.kind !== 'space' && token.kind !== 'comment')
  const first = solid[0]?.text.toLowerCase()
  const value: SqlToken = { kind: 'string', text: '' }
  const kept: SqlToken[] = []
  let expectsValue = false
  for (const token of tokens) {
    const isName = token.kind === 'word' || token.kind === 'quoted-name'
    const introduces = token.text === '=' || /^(to|password|by)$/i.test(token.text)
    kept.push(expectsValue && isName && !introduces ? value : token)
    if (introduces && (first === 'set' || first === 'alter') && /^(=|to)$/i.test(token.text)) return [...kept, value]
    if (token.kind !== 'space' && token.kind !== 'comment') expectsValue = introduces
  }
  return kept
}
