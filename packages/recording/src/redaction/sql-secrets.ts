import type { SqlToken } from './sql-lexer.ts'

/** A name that contains one of these is taken to hold a secret. Better a literal too few in the account than a password in it. */
const SECRET_NAME =
  /passw|passphrase|\bpwd\b|_pwd|pwd_|secret|token|credential|api_?key|private_?key|access_?key|encryption_?key/i

/** Clauses whose strings are connection strings, options, passwords or shell commands. */
const SECRET_WORDS: ReadonlySet<string> = new Set([
  'options',
  'connection',
  'identified',
  'mapping',
  'subscription',
  'program',
])

/** Functions that take a key, a password or a connection string (dblink, pgcrypto, digests, set_config). */
const SECRET_FUNCTION =
  /^(dblink\w*|pgp_\w+|crypt|gen_salt|hmac|digest|encrypt\w*|decrypt\w*|aes_\w+|des_\w+|md5|sha\d*|set_config)$/i

/** Strings that look like secrets even when none of those names is in them: URLs with a password, PEM keys, JWTs, cloud keys. */
const SECRET_TEXT =
  /:\/\/[^\s/@:]*:[^\s/@]*@|-----BEGIN|\beyJ[\w-]+\.|\bAKIA[0-9A-Z]{16}|\bgh[pousr]_\w{20}|identified\s+by/i

/** What else is known of the statement. */
export interface StatementHints {
  readonly tag: string | null
  /** `schema.name` or the name as written. */
  readonly functions: readonly string[]
}

/**
 * Whether a statement may carry a secret. Says yes when in doubt: then all its literals are left out of the recording,
 * encrypted part included.
 */
export function mayCarrySecret(tokens: readonly SqlToken[], hints: StatementHints): boolean {
  if (hints.tag !== null && /\b(ROLE|USER|USER MAPPING|SERVER|SUBSCRIPTION|FOREIGN)\b/.test(hints.tag)) return true
  if (hints.functions.some(name => SECRET_FUNCTION.test(name.slice(name.lastIndexOf('.') + 1)))) return true
  return tokens.some(isSuspect)
}

function isSuspect(token: SqlToken): boolean {
  switch (token.kind) {
    case 'word':
    case 'quoted-name':
      return isSuspectName(token.text)
    case 'string':
    case 'dollar-string':
    case 'comment':
      return SECRET_NAME.test(token.text) || SECRET_TEXT.test(token.text)
    case 'bits':
    case 'number':
    case 'space':
    case 'other':
      return false
  }
}

const REMEMBERED_NAMES_MAX = 2_048
const REMEMBERED_CHARS_MAX = 64
const remembered = new Map<string, boolean>()

/** Statements are made of the same names again and again. */
function isSuspectName(text: string): boolean {
  const known = remembered.get(text)
  if (known !== undefined) return known
  const name = text.replace(/^["`]|["`]$/g, '')
  const isSuspect = SECRET_NAME.test(name) || SECRET_WORDS.has(name.toLowerCase()) || SECRET_FUNCTION.test(name)
  if (remembered.size >= REMEMBERED_NAMES_MAX) remembered.clear()
  if (text.length <= REMEMBERED_CHARS_MAX) remembered.set(text, isSuspect)
  return isSuspect
}
