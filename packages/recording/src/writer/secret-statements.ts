import type { Entry } from '@querywarden/policy-core'
import type { RedactedSql } from '../redaction/redact-sql.ts'

type Intent = Extract<Entry, { kind: 'intent' }>
type Asked = Pick<Intent, 'statement' | 'tag' | 'functions' | 'params'>

/** A portal may go on after its first outcome: of so many statements it is known that they may hold a secret. */
const REMEMBERED_MAX = 1_024

/** Which statements of a session may hold a secret. What a server says of them, and the rows they give, may hold it too. */
export class SecretStatements {
  readonly #known = new Set<number>()
  /** Those of them whose rows may hold it. */
  readonly #returning = new Set<number>()
  readonly #running = new Set<number>()

  /** A cursor was made of one: what is fetched from any may hold it. */
  #hasCursor = false
  /** A setting was given one: what shows any may hold it. */
  #hasSetting = false

  began(asked: Asked, sql: RedactedSql): void {
    const { statement, tag, params, functions } = asked
    const isOnward = this.#hasCursor && /^(fetch|execute|explain)/i.test(tag)
    const mayReturn =
      isOnward ||
      // A name of its own tells nothing: what a column called `password` holds is the target's, as all rows are.
      (sql.secret && (sql.hasValues || params.some(({ value }) => value !== null))) ||
      sql.showsStatements ||
      (sql.showsSettings && this.#hasSetting)
    if (sql.secret && /^(declare|prepare)/i.test(tag)) this.#hasCursor = true
    if (sql.secret && (/^(set|alter)/i.test(tag) || functions.some(name => /(^|\.)set_config$/.test(name))))
      this.#hasSetting = true
    if (mayReturn) note(this.#returning, statement)
    if (!sql.secret && !isOnward) return
    note(this.#known, statement)
    this.#running.add(statement)
  }

  ended(statement: number): void {
    this.#running.delete(statement)
  }

  /** Whether something that was said with this statement may hold a secret; with none, whether one is running. */
  isNear(statement: number | null): boolean {
    return statement === null ? this.#running.size > 0 : this.#known.has(statement)
  }

  /** Whether rows of this statement may hold a secret. */
  mayReturn(statement: number): boolean {
    return this.#returning.has(statement)
  }
}

function note(statements: Set<number>, statement: number): void {
  statements.add(statement)
  const [oldest] = statements
  if (statements.size > REMEMBERED_MAX && oldest !== undefined) statements.delete(oldest)
}
