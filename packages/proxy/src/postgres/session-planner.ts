import type { Cleared, Statement } from '@querywarden/policy-core'
import type { ParameterStatus } from '@querywarden/wire/postgres'
import type { RowEstimates } from '../row-estimates.ts'
import { READ_BY } from './ask-planner.ts'

type Facts = Cleared['facts']

/**
 * Asks the planner on behalf of one session, where it would be told the same on the session's own connection. That isn't so
 * behind a schema change of the open transaction, nor behind a change of settings by which statements are read or planned.
 */
export class SessionPlanner {
  readonly #estimates: RowEstimates
  readonly #settings = new Map<string, string>()
  /** A transaction that is open has changed more than rows, or is about to. */
  #isSchemaInDoubt = false
  /** A setting was given another value, which the server has not said yet. */
  #isUnreported = false
  /** A setting has a value that no estimate would go by. */
  #isOfOtherSettings = false

  constructor(estimates: RowEstimates, reported: ReadonlyMap<string, string>) {
    this.#estimates = estimates
    for (const [name, value] of reported) this.onReport({ name, value })
  }

  /** The server has said what a setting is. */
  onReport({ name, value }: ParameterStatus): void {
    if (READ_BY.includes(name)) this.#settings.set(name, value)
  }

  /**
   * Statements come that will be decided together.
   *
   * @param inTransaction - one is open that began before
   * @param isReported - the server has said what became of those before, to the end
   */
  onBatch(inTransaction: boolean, isReported: boolean): void {
    if (!inTransaction) this.#isSchemaInDoubt = false
    if (isReported) this.#isUnreported = false
  }

  /** A statement was cleared, and will have run when the next one does. */
  onCleared(facts: Facts): void {
    const { uses, tag, canonical } = facts
    if (uses.some(({ effect }) => !LEAVES_SCHEMA.has(effect))) this.#isSchemaInDoubt = true
    if (!uses.some(({ effect }) => !LEAVES_SETTINGS.has(effect))) return
    if (NAMES_ONLY.has(tag)) return
    const setting = tag === 'SET' || tag === 'RESET' ? settingOf(canonical) : null
    if (setting !== null && REPORTED.has(setting)) this.#isUnreported = true
    else if (setting === null || !INDIFFERENT.has(setting)) this.#isOfOtherSettings = true
  }

  /** How many rows the planner expects; null where it can't say. */
  async estimate(statement: Statement): Promise<number | null> {
    if (this.#isSchemaInDoubt || this.#isUnreported || this.#isOfOtherSettings) return null
    return this.#estimates.ask(this, statement, this.#settings)
  }
}

const LEAVES_SCHEMA: ReadonlySet<string> = new Set(['read', 'write', 'session', 'transaction'])
/** The end of a transaction gives settings back the values that they had, and the server says so. */
const LEAVES_SETTINGS: ReadonlySet<string> = new Set(['read', 'write', 'transaction', 'ddl', 'dcl', 'maintenance'])
/** Of statements that change something of the session, those that change names and no settings. */
const NAMES_ONLY: ReadonlySet<string> = new Set([
  'PREPARE',
  'DEALLOCATE',
  'DEALLOCATE ALL',
  'DECLARE CURSOR',
  'CLOSE CURSOR',
  'CLOSE CURSOR ALL',
  'FETCH',
  'MOVE',
  'LISTEN',
  'UNLISTEN',
  'LOCK TABLE',
])

const REPORTED: ReadonlySet<string> = new Set(READ_BY.map(name => name.toLowerCase()))
/** Neither what a statement means nor how it is planned depends on these; drivers set them. */
const INDIFFERENT: ReadonlySet<string> = new Set([
  'application_name',
  'bytea_output',
  'client_encoding',
  'client_min_messages',
  'extra_float_digits',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'standard_conforming_strings',
  'statement_timeout',
  'transaction_timeout',
])

/** What a SET or RESET is about, or null where that isn't plain. */
function settingOf(canonical: string): string | null {
  const found = /^(?:set(?:\s+session|\s+local)?|reset)\s+(time\s+zone|[a-z_]+)(?=\s|=|;|$)/i.exec(canonical.trim())
  const name = found?.[1]?.toLowerCase() ?? null
  return name?.startsWith('time ') === true ? 'timezone' : name
}
