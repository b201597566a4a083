import type { ColumnMarks, RelationName } from '@querywarden/policy-core'
import { listAt } from './routines.ts'
import type { Snapshot } from './snapshot.ts'

// A word of its own, with tags behind it up to anything that is none, or to the end of the line. Quoted ones are meant too.
const MARKER = /(?<![\p{L}\p{N}_.-])querywarden:/giu
const TAG = /[ \t,"'`]*([\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*)/uy

/** The tags that a comment or a label gives: `Social security number. querywarden: pii.ssn, secret`. */
export function tagsIn(text: string): readonly string[] {
  const tags: string[] = []
  for (const { index, 0: marker } of text.matchAll(MARKER)) {
    TAG.lastIndex = index + marker.length
    for (let found = TAG.exec(text); found !== null; found = TAG.exec(text)) tags.push((found[1] ?? '').toLowerCase())
  }
  return tags
}

/** Gives the marks of columns, by `relation oid.attnum`. */
export interface Marks {
  readonly own: (key: string) => ColumnMarks
  /** Those of all of these columns. */
  readonly of: (keys: readonly string[]) => ColumnMarks
}

const NO_MARKS: ColumnMarks = { tags: [], types: [] }

/** Marks of equal content are one object: a schema has few kinds of them. */
export function marksOf(snapshot: Snapshot): Marks {
  const typesOf = typeNames(snapshot)
  const types = new Map(snapshot.columns.map(([relation, attnum, , type = '']) => [`${relation}.${attnum}`, type]))
  const tags = new Map<string, string[]>()
  for (const [relation, attnum, text = ''] of snapshot.taggedColumns)
    listAt(tags, `${relation}.${attnum}`).push(...tagsIn(text))

  const interned = new Map<string, ColumnMarks>()
  const marked = (tagged: ReadonlySet<string>, typed: ReadonlySet<string>): ColumnMarks => {
    const sorted = [...tagged].sort()
    const all = new Map([...typed].sort().flatMap(type => typesOf(type).map(one => [one.key, one.name] as const)))
    const content = JSON.stringify([sorted, [...all.keys()]])
    const known = interned.get(content) ?? { tags: sorted, types: [...all.values()] }
    interned.set(content, known)
    return known
  }
  // Most columns show none but themselves, and have a type that many have.
  const untagged = new Map<string, ColumnMarks>()
  const own = (key: string): ColumnMarks => {
    const type = types.get(key)
    if (type === undefined) return NO_MARKS
    const given = tags.get(key)
    if (given !== undefined) return marked(new Set(given), new Set([type]))
    const known = untagged.get(type) ?? marked(new Set(), new Set([type]))
    untagged.set(type, known)
    return known
  }
  const of = (keys: readonly string[]): ColumnMarks => {
    if (keys.length === 1) return own(keys[0] ?? '')
    return marked(new Set(keys.flatMap(key => tags.get(key) ?? [])), new Set(keys.flatMap(key => types.get(key) ?? [])))
  }
  return { own, of }
}

interface TypeName {
  readonly key: string
  readonly name: RelationName
}

/** A type with all that it is made of. */
function typeNames(snapshot: Snapshot): (oid: string) => readonly TypeName[] {
  const types = new Map(snapshot.columnTypes.map(([oid = '', ...row]) => [oid, row]))
  const attributes = new Map<string, string[]>()
  for (const [relation = '', , , type = ''] of snapshot.columns) listAt(attributes, relation).push(type)
  const known = new Map<string, readonly TypeName[]>()
  return oid => {
    const before = known.get(oid)
    if (before !== undefined) return before
    const seen = new Set([oid])
    for (const each of seen) {
      const [, , relation = '', parts = ''] = types.get(each) ?? []
      for (const part of parts === '' ? [] : parts.split(' ')) seen.add(part)
      for (const part of attributes.get(relation) ?? []) seen.add(part)
    }
    const names = [...seen].flatMap(each => {
      const [schema, name] = types.get(each) ?? []
      return schema === undefined || name === undefined ? [] : [{ key: `${each}`, name: { schema, name } }]
    })
    known.set(oid, names)
    return names
  }
}
