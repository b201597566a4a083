import type { CatalogRoutine } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import type { Routines } from './routines.ts'

const numbers = (text: string | undefined): readonly string[] =>
  text === undefined || text === '' ? [] : text.split(' ')

/** What an expression of {@link Snapshot.expressions} runs that may do more than compute. */
export function actsOf(row: readonly string[], routines: Routines): readonly CatalogRoutine[] {
  const [functions, operators] = row.slice(5)
  const called = numbers(functions)
    .filter(oid => routines.mayAct(oid))
    .flatMap(oid => routines.byOid(oid) ?? [])
  return [...called, ...numbers(operators).flatMap(oid => routines.byOperator.get(oid) ?? [])]
}

/** The types outside pg_catalog that an expression mentions. */
export const typesIn = (row: readonly string[]): readonly string[] => numbers(row[7])

/** Whether an expression only computes: it calls nothing that may act, reads nothing, and its types run no code. */
export function isPure(row: readonly string[], routines: Routines, runsCode: (typeOid: string) => boolean): boolean {
  const [functions, operators, , hasQuery] = row.slice(5)
  return (
    hasQuery !== TRUE &&
    !numbers(functions).some(oid => routines.mayAct(oid)) &&
    !numbers(operators).some(oid => routines.byOperator.has(oid)) &&
    !typesIn(row).some(runsCode)
  )
}
