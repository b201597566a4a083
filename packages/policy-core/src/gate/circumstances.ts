import type { Pending } from '../hooks.ts'
import type { Surroundings } from '../policy/match-what.ts'
import type { Standing } from '../policy/standing.ts'

/** The circumstances of one statement. What is absent isn't known, and counts against allowing where a rule asks. */
export interface Circumstances {
  /** Aborts when the asker leaves or cancels: a pending request is then withdrawn. */
  readonly signal?: AbortSignal | undefined
  /** Whether a transaction is open: nobody's locks wait for a person, so what needs approval is refused. */
  readonly inTransaction?: boolean | undefined
  /**
   * Something goes ahead of it that isn't run yet and may open or end a transaction: whether one will be open when it runs
   * isn't known.
   */
  readonly mayChangeTransaction?: boolean | undefined
  /** Whether the text that it came in held several statements. */
  readonly multiStatement?: boolean | undefined
  /**
   * Code or a view was changed in the open transaction, which no catalog shows yet: what runs code or reads is then
   * `unknown` beside all else that it does.
   */
  readonly codeInDoubt?: boolean | undefined
  /** The server will have other values for its parameters than those that are shown: no estimate is asked of these. */
  readonly parametersInDoubt?: boolean | undefined
  /** Called once if a person must be waited for. */
  readonly onPending?: ((pending: Pending) => void) | undefined
}

/** The surroundings as far as rules ask for them: what none tells apart is judged once. */
export function surroundingsIn(
  { inTransaction, mayChangeTransaction, multiStatement }: Circumstances,
  { asksForTransaction, asksForMultiStatement }: Standing,
  estimatedRows: number | null,
): Surroundings {
  return {
    inTransaction: asksForTransaction && mayChangeTransaction !== true ? (inTransaction ?? null) : null,
    multiStatement: asksForMultiStatement ? (multiStatement ?? null) : null,
    estimatedRows,
  }
}
