import type { Agency, Catalog, CatalogRoutine, Place } from '@querywarden/policy-core'
import type { Context } from '../context.ts'

/** Which routines of the database a name may stand for. */
export type Found =
  | { readonly kind: 'none' }
  /** There is one of the name, but no way to tell what it does. */
  | { readonly kind: 'unseen' }
  | { readonly kind: 'found'; readonly routines: readonly CatalogRoutine[] }

/** How a routine is called: with how many arguments, where that tells overloads apart. */
export type Arity = number | null

/**
 * The routines that a call may reach: all of the name that take as many arguments, in the schema that it names or in any of
 * the search path. Which of several overloads the server picks rests on types, which aren't known here: it's any of them.
 */
export function findRoutines(catalog: Catalog, parts: readonly string[], arity: Arity): Found {
  const [name = '', schema] = [parts.at(-1), parts.at(-2)]
  const named = catalog.userFunctions.get(name)
  if (named === undefined) return { kind: 'none' }
  if (named.length === 0 || parts.length > 2) return { kind: 'unseen' }
  const schemas = schema === undefined ? ['pg_catalog', ...catalog.searchPath] : [schema]
  const routines = named.filter(routine => schemas.includes(routine.schema) && takes(routine, arity))
  return routines.length === 0 ? { kind: 'none' } : { kind: 'found', routines }
}

const takes = ({ kind, argumentsMin, argumentsMax }: CatalogRoutine, arity: Arity): boolean =>
  arity === null || kind === 'aggregate' || (argumentsMin <= arity && arity <= argumentsMax)

/** Notes that a statement runs routines. `name` is what it runs them by, where that isn't the routine itself. */
export function runRoutines(
  context: Context,
  routines: readonly CatalogRoutine[],
  place: Place,
  by: { readonly kind: Agency; readonly name: string } | null = null,
): void {
  for (const routine of routines) {
    const via = by ?? { kind: 'function', name: `${routine.schema}.${routine.name}` }
    context.runs.push({ code: { kind: 'routine', routine }, via, place, isPlanned: false })
  }
}
