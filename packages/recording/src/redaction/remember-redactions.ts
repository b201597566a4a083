import type { Dialect } from '@querywarden/policy-core'
import { type RedactedSql, redactSql } from './redact-sql.ts'
import type { StatementHints } from './sql-secrets.ts'

/** Redacts one statement's text. */
export type Redactor = (text: string, dialect: Dialect, hints: StatementHints) => RedactedSql

const TEXT_CHARS_MAX = 4_096
const REMEMBERED_MAX = 512

/** {@link redactSql} that remembers the latest short texts: applications repeat themselves, and lexing costs the most. */
export function rememberingRedactor(): Redactor {
  const remembered = new Map<string, RedactedSql>()
  return (text, dialect, hints) => {
    if (text.length > TEXT_CHARS_MAX) return redactSql(text, dialect, hints)
    const key = JSON.stringify([dialect, hints.tag, hints.functions, text])
    const known = remembered.get(key)
    if (known !== undefined) return known
    const redacted = redactSql(text, dialect, hints)
    // A Map keeps the order of insertion: the first key is the oldest.
    const oldest = remembered.size >= REMEMBERED_MAX ? remembered.keys().next().value : undefined
    if (oldest !== undefined) remembered.delete(oldest)
    remembered.set(key, redacted)
    return redacted
  }
}
