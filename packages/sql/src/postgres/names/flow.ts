import {
  COLUMN_ROLES,
  type ColumnName,
  type ColumnRole,
  type ColumnUse,
  type Place,
  type RelationName,
} from '@querywarden/policy-core'

/** The relations whose rows a value may be: those named, or any. */
export type RowTypes = readonly RelationName[] | 'any'

/**
 * A value in a statement, by what it is made of. A leaf is a column of a relation, where the text names it. What becomes
 * of a value (it shows, a predicate tests it) is told to the value, and reaches the columns behind it once all is bound.
 * The graph has circles where a WITH query reads itself.
 */
export interface Flow {
  /** One bit for each of {@link COLUMN_ROLES}. */
  roles: number
  readonly from: Flow[]
  readonly column: ColumnName | null
  readonly place: Place
  /** It may show anything, whatever it is made of. */
  isUnknown: boolean
  /** The relations whose rows it may be. */
  rowTypes: RowTypes
}

/** The bit of a role. */
export const roleBit = (role: ColumnRole): number => 1 << COLUMN_ROLES.indexOf(role)

/** Values may be made of each other in more ways than anybody could follow; null says that these are. */
const STEPS_MAX = 200_000

/** Carries the roles of values to the columns that they are made of. */
export function spreadRoles(flows: readonly Flow[]): void {
  const pending = flows.filter(flow => flow.roles !== 0 && flow.from.length > 0)
  for (let flow = pending.pop(); flow !== undefined; flow = pending.pop()) {
    for (const source of flow.from) {
      if ((source.roles | flow.roles) === source.roles) continue
      source.roles |= flow.roles
      if (source.from.length > 0) pending.push(source)
    }
  }
}

/** What the columns of all flows are used for, each once at one place; those that come to nothing as output. */
export function usesOf(flows: readonly Flow[]): readonly ColumnUse[] {
  const uses: ColumnUse[] = []
  // A known column is one and the same object wherever it is named.
  const noted = new Map<ColumnName, Noted>()
  for (const { column, roles, place } of flows) {
    if (column === null) continue
    let known = noted.get(column)
    if (known === undefined) {
      known = { start: place.start, roles: 0, elsewhere: null }
      noted.set(column, known)
    }
    const fresh = (roles === 0 ? OUTPUT : roles) & ~rolesAt(known, place.start)
    if (fresh === 0) continue
    noteRoles(known, place.start, fresh)
    for (let index = 0; index < COLUMN_ROLES.length; index++) {
      const role = (fresh & (1 << index)) === 0 ? undefined : COLUMN_ROLES[index]
      if (role !== undefined)
        uses.push({ schema: column.schema, name: column.name, column: column.column, role, place })
    }
  }
  return uses
}

/** What a column is known to be used for: where it was named first, and at other places, should there be any. */
interface Noted {
  readonly start: number
  roles: number
  elsewhere: Map<number, number> | null
}

const rolesAt = ({ start, roles, elsewhere }: Noted, at: number): number =>
  start === at ? roles : (elsewhere?.get(at) ?? 0)

function noteRoles(noted: Noted, at: number, fresh: number): void {
  if (noted.start === at) noted.roles |= fresh
  else {
    noted.elsewhere ??= new Map()
    noted.elsewhere.set(at, (noted.elsewhere.get(at) ?? 0) | fresh)
  }
}

const OUTPUT = roleBit('output')

/** The columns that a value is made of, each once. */
export interface Origins {
  readonly columns: readonly ColumnName[]
  readonly isUnknown: boolean
}

const NO_COLUMNS: readonly ColumnName[] = []

/** Finds the origins of values. Together the calls take a bounded number of steps; null when these are used up. */
export function originsFinder(): (flow: Flow) => Origins | null {
  let steps = 0
  return flow => {
    if (flow.from.length === 0)
      return { columns: flow.column === null ? NO_COLUMNS : [flow.column], isUnknown: flow.isUnknown }
    const seen = new Set([flow])
    const columns = new Map<string, ColumnName>()
    let isUnknown = false
    for (const each of seen) {
      steps += 1 + each.from.length
      if (steps > STEPS_MAX) return null
      isUnknown ||= each.isUnknown
      if (each.column !== null) columns.set(keyOf(each.column), each.column)
      for (const source of each.from) seen.add(source)
    }
    return { columns: [...columns.values()], isUnknown }
  }
}

/** No name holds a NUL. */
const keyOf = ({ schema, name, column }: ColumnName): string => `${schema}\0${name}\0${column}`
