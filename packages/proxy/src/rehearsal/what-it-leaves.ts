import { effectsOf } from '@querywarden/policy-core'
import type { Rehearsal, RehearsedStatement } from './rehearsal.ts'

/**
 * Whether what comes after a text may mean something else than the catalog says: it changes the schema, or how names and
 * literals are read, or nobody knows what it does. None of this is done in a rehearsal, so none of it is known after.
 */
export const changesMeaning = ({ statements }: Rehearsal): boolean =>
  statements.some(({ judgement }) => {
    if (judgement === null) return false
    const { facts } = judgement
    return (
      facts.kind === 'opaque' ||
      facts.prohibitions.length > 0 ||
      effectsOf(facts).some(effect => effect === 'ddl' || effect === 'procedural' || effect === 'unknown')
    )
  })

/** Whether a transaction is open behind statements, if one was or wasn't before them. */
export const transactionAfter = (before: boolean, statements: readonly RehearsedStatement[]): boolean =>
  statements.reduce((isOpen, { judgement }) => {
    const tag = judgement?.facts.kind === 'understood' ? judgement.facts.tag : ''
    if (tag === 'BEGIN' || tag === 'START TRANSACTION') return true
    // ROLLBACK TO has the tag of ROLLBACK, and ends nothing.
    if (tag === 'ROLLBACK' && /^\s*rollback\s+((work|transaction)\s+)?to\b/i.test(judgement?.text ?? '')) return isOpen
    return ENDS.has(tag)
      ? /\bchain\s*$/i.test(judgement?.text ?? '') && !/\bno\s+chain\s*$/i.test(judgement?.text ?? '')
      : isOpen
  }, before)

const ENDS: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])
