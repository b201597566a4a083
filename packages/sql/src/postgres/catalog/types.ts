import { type CatalogRoutine, USER_OID_MIN } from '@querywarden/policy-core'
import { actsOf, typesIn } from './expressions.ts'
import { TRUE } from './queries.ts'
import { listAt, type Routines } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

/** What the types of a database lead to. */
export interface Types {
  /** The relations (and standalone composite types) whose rows a value of the type holds, at any depth. */
  readonly rowsIn: (typeOid: string) => ReadonlySet<string>
  /** Whether a cast to the type, or reading a value of it from text, may run code that isn't the server's own. */
  readonly runsCode: (typeOid: string) => boolean
  /** Whether a value of the type may run such code by itself: by an implicit cast, or where it is compared. */
  readonly runsCodeUnasked: (typeOid: string) => boolean
  /** The same of the type itself, whatever it is made of. */
  readonly hasCodeUnasked: (typeOid: string) => boolean
  /** What a type that runs code may run; empty where that can't be told. */
  readonly routinesOf: (typeOid: string) => readonly CatalogRoutine[]
  /** The same by bare name, of all types that run code. */
  readonly byName: ReadonlyMap<string, readonly CatalogRoutine[]>
}

interface Type {
  readonly name: string
  /** pg_type.typtype, but `a` for an array. */
  readonly kind: string
  /** The types that it is made of: element, base, subtype. */
  readonly parts: readonly string[]
  readonly relation: string
}

/** The code that a type has of its own. */
interface Code {
  readonly routines: CatalogRoutine[]
  /** By a cast, where values are compared, or in a check: a query that doesn't name the type may run it. */
  isUnasked: boolean
}

/** Follows arrays, domains, ranges and composites down to what they hold. */
export function typesOf(snapshot: Snapshot, routines: Routines): Types {
  const types = new Map<string, Type>()
  for (const [oid, name, kind, element, base, relation, subtype] of snapshot.types) {
    if (oid === undefined || name === undefined || kind === undefined || relation === undefined) continue
    const parts = [element, base, subtype].filter(part => part !== undefined && part !== '0')
    types.set(oid, { name, kind, parts: parts.map(String), relation })
  }
  // What the check of a domain casts to, it may run.
  for (const row of snapshot.expressions) {
    const [kind, , domain = ''] = row
    const type = kind === 'domain' ? types.get(domain) : undefined
    if (type !== undefined) types.set(domain, { ...type, parts: [...type.parts, ...typesIn(row)] })
  }
  const code = codeOf(snapshot, routines)
  const attributes = attributeTypes(snapshot)

  const reachableFrom = (typeOid: string): ReadonlySet<string> => {
    const seen = new Set([typeOid])
    for (const oid of seen) {
      const type = types.get(oid)
      for (const part of type?.parts ?? []) seen.add(part)
      for (const part of attributes.get(type?.relation ?? '') ?? []) seen.add(part)
    }
    return seen
  }

  const rowsIn = remembered(typeOid => {
    const relations = [...reachableFrom(typeOid)].map(oid => types.get(oid)?.relation ?? '0')
    return new Set(relations.filter(relation => relation !== '0'))
  })
  const isCoded = (oid: string): boolean => {
    const type = types.get(oid)
    return type !== undefined && (code.has(oid) || CODED_KINDS.has(type.kind))
  }
  const runsCode = remembered(typeOid => [...reachableFrom(typeOid)].some(isCoded))
  const hasCodeUnasked = (oid: string): boolean => Number(oid) >= USER_OID_MIN && code.get(oid)?.isUnasked === true
  const runsCodeUnasked = remembered(typeOid => [...reachableFrom(typeOid)].some(hasCodeUnasked))
  const routinesIn = remembered((typeOid): readonly CatalogRoutine[] => {
    const coded = [...reachableFrom(typeOid)].filter(isCoded)
    const lists = coded.map(oid => code.get(oid)?.routines ?? [])
    return lists.some(list => list.length === 0) ? [] : [...new Set(lists.flat())]
  })
  return {
    rowsIn,
    runsCode,
    runsCodeUnasked,
    hasCodeUnasked,
    routinesOf: routinesIn,
    byName: byNameOf(types, runsCode, routinesIn),
  }
}

/** Several types may go by one name: what is known of all of them, or nothing. */
function byNameOf(
  types: ReadonlyMap<string, Type>,
  runsCode: (oid: string) => boolean,
  routinesIn: (oid: string) => readonly CatalogRoutine[],
): ReadonlyMap<string, readonly CatalogRoutine[]> {
  const names = new Map<string, (readonly CatalogRoutine[])[]>()
  for (const [oid, { name }] of types) if (runsCode(oid)) listAt(names, name).push(routinesIn(oid))
  return new Map(
    [...names].map(([name, lists]) => [name, lists.some(list => list.length === 0) ? [] : [...new Set(lists.flat())]]),
  )
}

function codeOf(snapshot: Snapshot, routines: Routines): ReadonlyMap<string, Code> {
  const code = new Map<string, Code>()
  const add = (type: string, found: readonly CatalogRoutine[], isUnasked: boolean): void => {
    const known = code.get(type) ?? { routines: [], isUnasked: false }
    known.routines.push(...found.filter(routine => !known.routines.includes(routine)))
    known.isUnasked ||= isUnasked
    code.set(type, known)
  }
  for (const [type = '', oid = '', isUnasked] of snapshot.typeRoutines) {
    const routine = routines.byOid(oid)
    add(type, routine === null ? [] : [routine], isUnasked === TRUE)
  }
  for (const row of snapshot.expressions) {
    const [kind, , domain = ''] = row
    const acts = kind === 'domain' ? actsOf(row, routines) : []
    if (acts.length > 0) add(domain, acts, true)
  }
  return code
}

/** Base types, ranges and multiranges bring input, canonical and subtype functions of their own; `p` is a shell or pseudo-type. */
const CODED_KINDS: ReadonlySet<string> = new Set(['b', 'r', 'm', 'p'])

function attributeTypes(snapshot: Snapshot): ReadonlyMap<string, readonly string[]> {
  const attributes = new Map<string, string[]>()
  for (const [relation, , , type] of snapshot.columns) {
    if (relation === undefined || type === undefined) continue
    const known = attributes.get(relation)
    if (known === undefined) attributes.set(relation, [type])
    else known.push(type)
  }
  return attributes
}

function remembered<T>(compute: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>()
  return key => {
    const value = known.get(key) ?? compute(key)
    known.set(key, value)
    return value
  }
}
