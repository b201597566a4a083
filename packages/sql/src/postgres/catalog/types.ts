import { USER_OID_MIN } from '@querywarden/policy-core'
import { TRUE } from './queries.ts'
import type { Snapshot } from './snapshot.ts'

/** What the types of a database lead to. */
export interface Types {
  /** The relations (and standalone composite types) whose rows a value of the type holds, at any depth. */
  readonly rowsIn: (typeOid: string) => ReadonlySet<string>
  /** Whether a cast to the type, or reading a value of it from text, may run code that isn't the server's own. */
  readonly runsCode: (typeOid: string) => boolean
  /** Whether a value of the type may run such code by itself: by an implicit cast, or where it is compared. */
  readonly runsCodeUnasked: (typeOid: string) => boolean
  /** The names of those that do. */
  readonly codeNames: ReadonlySet<string>
}

interface Type {
  readonly name: string
  /** pg_type.typtype, but `a` for an array. */
  readonly kind: string
  /** The types that it is made of: element, base, subtype. */
  readonly parts: readonly string[]
  readonly relation: string
  readonly coded: boolean
}

/** Follows arrays, domains, ranges and composites down to what they hold. */
export function typesOf(snapshot: Snapshot): Types {
  const types = new Map<string, Type>()
  for (const [oid, name, kind, element, base, relation, subtype, coded] of snapshot.types) {
    if (oid === undefined || name === undefined || kind === undefined || relation === undefined) continue
    const parts = [element, base, subtype].filter(part => part !== undefined && part !== '0')
    types.set(oid, { name, kind, parts: parts.map(String), relation, coded: coded === TRUE })
  }
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
  const runsCode = remembered(typeOid =>
    [...reachableFrom(typeOid)].some(oid => {
      const type = types.get(oid)
      return type !== undefined && (type.coded || CODED_KINDS.has(type.kind))
    }),
  )
  const runsCodeUnasked = remembered(typeOid =>
    [...reachableFrom(typeOid)].some(oid => Number(oid) >= USER_OID_MIN && types.get(oid)?.coded === true),
  )
  const codeNames = new Set([...types].filter(([oid]) => runsCode(oid)).map(([, type]) => type.name))
  return { rowsIn, runsCode, runsCodeUnasked, codeNames }
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
