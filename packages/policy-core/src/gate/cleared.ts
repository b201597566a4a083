import type { Obligations } from '../decision.ts'
import type { Facts } from '../facts.ts'
import type { Standing } from '../policy/standing.ts'
import type { Statement } from '../statement.ts'

type UnderstoodFacts = Extract<Facts, { kind: 'understood' }>

/**
 * Proof that a statement was judged, approved where it had to be, and recorded: the only thing that may be sent
 * upstream. Only the gate makes one. Its text is not the client's: the masks are in it.
 */
export class Cleared {
  readonly #seal: boolean
  readonly #maskedColumns: Standing['maskedColumns']
  /** Counts the session's statements from 1; the same number as in the recording. */
  readonly number: number
  /** What to send: rewritten text, the client's parameters. */
  readonly statement: Statement
  readonly facts: UnderstoodFacts
  readonly obligations: Obligations
  /** The approval that was redeemed for it, or null where none was needed. */
  readonly approval: string | null
  /** How many rows the planner expected it to give or change, or null where nobody asked or could say. */
  readonly estimatedRows: number | null
  /** When, on the session's monotonic clock. */
  readonly clearedMs: number

  constructor(parts: {
    readonly number: number
    readonly statement: Statement
    readonly facts: UnderstoodFacts
    readonly obligations: Obligations
    readonly maskedColumns: Standing['maskedColumns']
    readonly approval: string | null
    readonly estimatedRows: number | null
    readonly clearedMs: number
  }) {
    this.#seal = true
    this.number = parts.number
    this.statement = parts.statement
    this.facts = parts.facts
    this.obligations = parts.obligations
    this.#maskedColumns = parts.maskedColumns
    this.approval = parts.approval
    this.estimatedRows = parts.estimatedRows
    this.clearedMs = parts.clearedMs
  }

  /** What of a relation the policy hides that it was judged by, whatever of it was found in the statement. */
  get maskedColumns(): Standing['maskedColumns'] {
    return this.#maskedColumns
  }

  static is(value: object): value is Cleared {
    return #seal in value && value.#seal
  }
}

/** Whether a value is a real {@link Cleared}. A look-alike, a spread or a structured clone is not. */
export const isCleared = (value: object): value is Cleared => Cleared.is(value)
