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

/** Marks of equal content are one object: a schema has few kinds of them. */
export function marksOf(snapshot: Snapshot): Marks {
  const typesOf = typeNames(snapshot)
  const types = new Map(snapshot.columns.map(([relation, attnum, , type = '']) => [`${relation}.${attnum}`, type]))
  const tags = new Map<string, string[]>()
  for (const [relation, attnum, text = ''] of snapshot.taggedColumns)
    listAt(tags, `${relation}.${attnum}`).push(...tagsIn(text))

  const interned = new Map<string, ColumnMarks>()
  const marked = (tagged: readonly string[], typed: ReadonlySet<string>): ColumnMarks => {
    const oids = [...typed].sort()
    const content = JSON.stringify([tagged, oids])
    const known = interned.get(content) ?? { tags: tagged, types: [...new Set(oids.flatMap(typesOf))] }
    interned.set(content, known)
    return known
  }
  const of = (keys: readonly string[]): ColumnMarks => {
    const tagged = new Set<string>()
    const typed = new Set<string>()
    for (const key of keys) {
      for (const tag of tags.get(key) ?? []) tagged.add(tag)
      const type = types.get(key)
      if (type !== undefined) typed.add(type)
    }
    return marked([...tagged].sort(), typed)
  }
  return { own: key => of([key]), of }
}

/** A type with all that it is made of: for each name one object. */
function typeNames(snapshot: Snapshot): (oid: string) => readonly RelationName[] {
  const types = new Map(snapshot.columnTypes.map(([oid = '', ...row]) => [oid, row]))
  const names = new Map(
    snapshot.columnTypes.map(([oid = '', schema = '', name = '']): [string, RelationName] => [oid, { schema, name }]),
  )
  const attributes = new Map<string, string[]>()
  for (const [relation = '', , , type = ''] of snapshot.columns) listAt(attributes, relation).push(type)
  return oid => {
    const seen = new Set([oid])
    for (const each of seen) {
      const [, , relation = '', parts = ''] = types.get(each) ?? []
      for (const part of parts === '' ? [] : parts.split(' ')) seen.add(part)
      for (const part of attributes.get(relation) ?? []) seen.add(part)
    }
    return [...seen].flatMap(each => names.get(each) ?? [])
  }
}
