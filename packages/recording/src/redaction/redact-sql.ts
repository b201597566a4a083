import type { Dialect } from '@querywarden/policy-core'
import { lexSql, type SqlToken } from './sql-lexer.ts'
import { mayCarrySecret, type StatementHints } from './sql-secrets.ts'

/** A statement's text without its literals, and whether even the encrypted part must do without them. */
export interface RedactedSql {
  /** Names, keywords and operators; each literal replaced by a placeholder of its shape; comments dropped. */
  readonly text: string
  readonly secret: boolean
  /** Whether anything is written out in it that is long enough for a secret, and that its rows could give back. */
  readonly hasValues: boolean
  /** It names something that shows texts of other statements, or the credentials that they left in the catalog. */
  readonly showsStatements: boolean
  /** It names something that shows settings. */
  readonly showsSettings: boolean
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
  return { text: redacted.replace(OUTER_SPACE, ''), secret, ...whatRowsTell(redacted, tokens) }
}

/** PostgreSQL manual, chapters 53, 54 and 28.2; information_schema, chapter 37. */
const SHOWS_STATEMENTS =
  /\b(pg_prepared_statements?|pg_cursors?|pg_stat_activity|pg_stat_get_activity|pg_stat_statements|current_query|pg_authid|pg_shadow|_?pg_user_mappings?|_?pg_foreign_servers?|pg_subscription|user_mapping_options|foreign_server_options)\b/i
const SHOWS_SETTINGS =
  /^show\b|\b(pg_settings|pg_file_settings|pg_db_role_setting|pg_roles|current_setting|pg_show_all_settings|pg_show_all_file_settings)\b/i

const whatRowsTell = (
  redacted: string,
  tokens: readonly SqlToken[],
): Pick<RedactedSql, 'hasValues' | 'showsStatements' | 'showsSettings'> => ({
  hasValues: tokens.some(isValue),
  showsStatements: SHOWS_STATEMENTS.test(redacted),
  showsSettings: SHOWS_SETTINGS.test(redacted.trimStart()),
})

/** The quotes with one character between them; a number of three digits: `limit 100` tells nothing. */
const TELLS_NOTHING_CHARS = 3

/** Comments are not among them: no expression gives them back. */
function isValue({ kind, text }: SqlToken): boolean {
  switch (kind) {
    case 'string':
    case 'dollar-string':
    case 'bits':
    case 'number':
      return text.length > TELLS_NOTHING_CHARS
    case 'comment':
    case 'word':
    case 'quoted-name':
    case 'space':
    case 'other':
      return false
  }
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
  return {
    text: `${verb} …`,
    secret: mayCarrySecret(tokens, { tag: null, functions: [] }),
    hasValues: true,
    showsStatements: false,
    showsSettings: false,
  }
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
