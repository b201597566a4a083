import { type CatalogRoutine, USER_OID_MIN } from '@querywarden/policy-core'
import { builtInEffect } from '../functions/classify-function.ts'
import { SqlError } from '../sql-error.ts'
import { isSystemSchema } from '../system-relations.ts'
import { TRUE } from './queries.ts'
import type { Snapshot } from './snapshot.ts'

/** The code of a database, by the numbers that the server knows it by. */
export interface Routines {
  /** Null for built-in ones that only compute and that nothing of the database runs. */
  readonly byOid: (oid: string) => CatalogRoutine | null
  /** Whether calling it does more than compute, as far as can be told without reading its body. */
  readonly mayAct: (oid: string) => boolean
  /** By operator, the routines that it may run; an operator that isn't here is the server's own or as good. */
  readonly byOperator: ReadonlyMap<string, readonly CatalogRoutine[]>
  readonly functions: ReadonlyMap<string, readonly CatalogRoutine[]>
  readonly rowFunctions: ReadonlySet<string>
  readonly operators: ReadonlyMap<string, readonly CatalogRoutine[]>
}

interface Known {
  readonly routine: CatalogRoutine
  /** Neither one of the server's own nor an extension's that computes and no more. */
  readonly isUsers: boolean
  readonly isReachable: boolean
  readonly takesRow: boolean
}

const KINDS: Readonly<Record<string, CatalogRoutine['kind']>> = {
  f: 'function',
  p: 'procedure',
  a: 'aggregate',
  w: 'window',
}
const VOLATILITIES: Readonly<Record<string, CatalogRoutine['volatility']>> = {
  i: 'immutable',
  s: 'stable',
  v: 'volatile',
}

/**
 * Whether a built-in function that isn't immutable does no more than compute, whatever it is given. A setting may be
 * anybody's own and hold anything.
 */
export const onlyComputes = (name: string): boolean => name !== 'current_setting' && builtInEffect(name) === null

/** `texts` holds what the server deparsed: the bodies that it keeps parsed. */
export function routinesOf(snapshot: Snapshot): Routines {
  const supports = supportsOf(snapshot)
  const known = new Map<string, Known>()
  const bodies = new Map(
    snapshot.texts.flatMap(([kind, oid, text]) => (kind === 'body' && text !== '' ? [[oid, text]] : [])),
  )
  for (const row of snapshot.routines) {
    const [oid = ''] = row
    known.set(oid, knownOf(row, bodies.get(oid) ?? null, supports.get(oid) ?? []))
  }
  const mayAct = (oid: string): boolean => {
    const found = known.get(oid)
    if (found === undefined) return false
    const { routine, isUsers } = found
    if (isUsers || routine.schema !== 'pg_catalog') return isUsers
    return routine.volatility !== 'immutable' && !onlyComputes(routine.name)
  }
  fillSupports(supports, snapshot, known, mayAct)
  return {
    byOid: oid => known.get(oid)?.routine ?? null,
    mayAct,
    ...namedOf(snapshot, known),
    ...operatorsOf(snapshot, known),
  }
}

function knownOf(row: readonly string[], parsedBody: string | null, supports: readonly CatalogRoutine[]): Known {
  const [oid, schema = '', name = '', kind = '', types = '', defaults, isOpen, language = '', volatility = ''] = row
  const [
    isDefiner,
    settings = '',
    source = '',
    body,
    isUsers,
    isReachable,
    takesRow,
    aggregateKind,
    parameters = '',
    result = '',
  ] = row.slice(9)
  const knownKind = KINDS[kind]
  const knownVolatility = VOLATILITIES[volatility]
  if (knownKind === undefined || knownVolatility === undefined)
    throw new SqlError('MALFORMED_CATALOG', `routine kind \`${kind}\` or volatility \`${volatility}\` is not known`)
  const argumentTypes = types === '' ? [] : types.split(' ').map(Number)
  const isOrderedSet = aggregateKind !== 'n'
  const routine: CatalogRoutine = {
    schema,
    name,
    oid: Number(oid),
    kind: knownKind,
    argumentTypes,
    argumentsMin: isOrderedSet ? 0 : argumentTypes.length - Number(defaults),
    argumentsMax: isOpen === TRUE ? Number.POSITIVE_INFINITY : argumentTypes.length,
    language,
    volatility: knownVolatility,
    isSecurityDefiner: isDefiner === TRUE,
    settings: settingsOf(settings),
    ...(language === 'sql' || language === 'plpgsql' ? { declaration: { parameters, result } } : {}),
    body: body === 'source' ? source : body === 'parsed' ? parsedBody : null,
    supports,
  }
  return { routine, isUsers: isUsers === TRUE, isReachable: isReachable === TRUE, takesRow: takesRow === TRUE }
}

/** `name=value`, each; names are stored as they were written. */
function settingsOf(json: string): ReadonlyMap<string, string> {
  const list: unknown = JSON.parse(json)
  if (!Array.isArray(list)) throw new SqlError('MALFORMED_CATALOG', 'the settings of a routine are no list')
  return new Map(
    list.map(entry => {
      const text = String(entry)
      const end = text.indexOf('=')
      return [text.slice(0, end).toLowerCase(), text.slice(end + 1)] as const
    }),
  )
}

/** The lists that aggregates are made with, still empty: what they run is known once all routines are. */
function supportsOf(snapshot: Snapshot): Map<string, CatalogRoutine[]> {
  return new Map(snapshot.aggregates.map(([aggregate = '']) => [aggregate, []]))
}

function fillSupports(
  supports: ReadonlyMap<string, CatalogRoutine[]>,
  snapshot: Snapshot,
  known: ReadonlyMap<string, Known>,
  mayAct: (oid: string) => boolean,
): void {
  for (const [aggregate = '', oid = ''] of snapshot.aggregates) {
    const found = known.get(oid)
    const list = supports.get(aggregate)
    if (found !== undefined && mayAct(oid) && list?.includes(found.routine) === false) list.push(found.routine)
  }
}

function namedOf(snapshot: Snapshot, known: ReadonlyMap<string, Known>): Pick<Routines, 'functions' | 'rowFunctions'> {
  const functions = new Map<string, CatalogRoutine[]>()
  const rowFunctions = new Set<string>()
  const reachable = new Set<string>()
  for (const [oid = ''] of snapshot.routines) {
    const found = known.get(oid)
    if (found === undefined) continue
    const { routine, isUsers, isReachable, takesRow } = found
    if (routine.oid < USER_OID_MIN && isSystemSchema(routine.schema)) continue
    if (takesRow) rowFunctions.add(routine.name)
    if (isReachable) reachable.add(routine.name)
    if (isUsers) listAt(functions, routine.name).push(routine)
  }
  return { functions: new Map([...functions].filter(([name]) => reachable.has(name))), rowFunctions }
}

function operatorsOf(
  snapshot: Snapshot,
  known: ReadonlyMap<string, Known>,
): Pick<Routines, 'operators' | 'byOperator'> {
  const operators = new Map<string, CatalogRoutine[]>()
  const byOperator = new Map<string, CatalogRoutine[]>()
  for (const [oid = '', name = '', routineOid = ''] of snapshot.operators) {
    const named = listAt(operators, name)
    const own = listAt(byOperator, oid)
    const routine = known.get(routineOid)?.routine
    if (routine === undefined) continue
    own.push(routine)
    if (!named.includes(routine)) named.push(routine)
  }
  return { operators, byOperator }
}

/** The list at a key, made where there is none yet. */
export function listAt<K, V>(lists: Map<K, V[]>, key: K): V[] {
  const known = lists.get(key)
  if (known !== undefined) return known
  const made: V[] = []
  lists.set(key, made)
  return made
}
