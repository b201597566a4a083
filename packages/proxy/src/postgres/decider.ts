import type { Circumstances, Cleared, Session } from '@querywarden/policy-core'
import type { Admit, Judge } from './plan.ts'

/** How the statements of one batch are decided. */
export interface Decider {
  readonly judge: Judge
  readonly admit: Admit
}

/**
 * Decides the statements of a batch in the circumstances that it came in. All of them are decided before any is sent, so
 * that behind one that begins or ends a transaction it isn't known whether one is open: whoever sends `begin` and a
 * statement in one go must not have it judged as if there were none.
 *
 * @param circumstances - as they are when the batch came; asked anew for each statement
 * @param onCleared - called with the facts of each statement that was cleared, before the next one is decided
 */
export function deciderOf(
  session: Session,
  circumstances: Circumstances,
  onCleared: (facts: Cleared['facts']) => void,
): Decider {
  let mayChangeTransaction = false
  const now = (parametersInDoubt = false): Circumstances => ({
    get signal() {
      return circumstances.signal
    },
    inTransaction: circumstances.inTransaction,
    multiStatement: circumstances.multiStatement,
    onPending: circumstances.onPending,
    mayChangeTransaction,
    parametersInDoubt,
    get codeInDoubt() {
      return circumstances.codeInDoubt
    },
  })
  return {
    judge: (text, run) => session.judge(text, now(), run ?? null),
    admit: async (text, params, parametersInDoubt = false) => {
      const verdict = await session.submit({ text, params }, now(parametersInDoubt))
      // One that may do anything may do that too.
      const changes = ({ effect }: { readonly effect: string }): boolean =>
        effect === 'transaction' || effect === 'procedural' || effect === 'unknown'
      if (verdict.kind === 'cleared' && verdict.cleared.facts.uses.some(changes)) mayChangeTransaction = true
      if (verdict.kind === 'cleared') onCleared(verdict.cleared.facts)
      return verdict
    },
  }
}
