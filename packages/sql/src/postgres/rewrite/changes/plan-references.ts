import { relationKey, type UsedColumn } from '@querywarden/policy-core'
import type { Entry, Item } from '../../names/scope.ts'
import type { Sighting } from '../../names/watch.ts'
import type { Node } from '../../node.ts'
import { disagreement, type Impossible, impossible, placeAt } from '../impossible.ts'
import { quoteName } from '../quote.ts'
import type { Change } from '../rewrite-ranges.ts'
import { type DottedName, dottedName, type TextCursor } from '../text-cursor.ts'
import { aloneInParentheses, maskOver } from './mask-over.ts'
import type { ChangesInput } from './plan-targets.ts'
import { referencesIn, type WrittenReference } from './references.ts'
import type { Sightings } from './sightings.ts'
import type { Target } from './targets.ts'

/** What of a statement's references must be changed where it changes masked relations itself. */
export function planReferences(
  input: ChangesInput,
  sightings: Sightings,
  targets: ReadonlyMap<Item, Target>,
): readonly (Change | Impossible)[] {
  const unheld = heldToFacts(input, sightings, targets)
  if (unheld !== null) return [unheld]
  return referencesIn({ [input.statement.type]: input.statement.body }).flatMap(reference => {
    const seen = sightings.byLocation.get(reference.location) ?? []
    const [first] = seen
    if (first === undefined || seen.some(({ kind }) => kind === 'unclear')) return [notClear(reference)]
    return seen.some(each => !isAlike(each, first))
      ? [notClear(reference)]
      : planOne(input, reference, first, targets, sightings)
  })
}

/** The same reference may be bound more than once, and must then mean the same. */
function isAlike(one: Sighting, other: Sighting): boolean {
  if (one === other) return true
  if (one.kind === 'column' && other.kind === 'column')
    return one.entry.item === other.entry.item && one.field.name === other.field.name
  if (one.kind === 'row' && other.kind === 'row') return one.entry.item === other.entry.item
  return one.kind === other.kind && one.kind !== 'star'
}

const notClear = ({ location }: WrittenReference): Impossible =>
  impossible(
    'it is not clear what a name in it stands for, and it changes a relation with masked columns',
    'qualify its columns with their relation or its alias',
    placeAt(location),
  )

function planOne(
  input: ChangesInput,
  reference: WrittenReference,
  seen: Sighting,
  targets: ReadonlyMap<Item, Target>,
  sightings: Sightings,
): readonly (Change | Impossible)[] {
  switch (seen.kind) {
    case 'label':
    case 'unclear':
      return []
    case 'star':
      return seen.entries.some(({ item }) => targets.has(item))
        ? [planStar(input, reference, seen.entries, targets)]
        : []
    case 'row': {
      const target = targets.get(seen.entry.item)
      if (target === undefined) return []
      return reference.isStar && !sightings.proposed.has(seen.entry)
        ? [planRow(input, reference, target)]
        : [wholeRow(target, reference)]
    }
    case 'column': {
      const { entry, field } = seen
      const target = targets.get(entry.item)
      const masked = target?.columns.get(field.name)
      // What `excluded` has is what the statement itself would have inserted.
      if (target === undefined || masked === undefined || sightings.proposed.has(entry)) return []
      if (reference.isInference) return [inferred(field.name, reference)]
      if (reference.givesName) return [needsName(field.name, reference)]
      const text = textOfName(input.cursor, reference)
      if (text === null) return [misplaced(reference)]
      const over = maskOver(masked, { text: text.text, node: reference.wrapped }, input)
      if (over.kind === 'impossible') return [over]
      const mask = reference.isAlone ? aloneInParentheses(over) : over
      const edit = { start: text.start, end: text.end, text: mask.text }
      return [{ kind: 'change', edit, node: reference.wrapped, by: mask.node }]
    }
  }
}

/** `t.*` in a list: its columns by name, with masks in the place of those that have one. */
function planRow(input: ChangesInput, reference: WrittenReference, target: Target): Change | Impossible {
  if (reference.item === null) return wholeRow(target, reference)
  const name = nameOf(input.cursor, reference)
  const last = name?.parts.at(-1)
  const first = name?.parts[0]
  const fields: unknown = fieldsOf(reference)
  if (name === null || first === undefined || last === undefined || !Array.isArray(fields)) return misplaced(reference)
  const qualifier = { text: textBetween(input.cursor, first, last), fields: fields.slice(0, -1) }
  const listed = listColumns(input, target, qualifier)
  if ('kind' in listed) return listed
  return spread(input.cursor, reference.item, first, name.after, listed)
}

/** A bare star in RETURNING: all columns of all that it is about, in their order. */
function planStar(
  { cursor, ...input }: ChangesInput,
  reference: WrittenReference,
  entries: readonly Entry[],
  targets: ReadonlyMap<Item, Target>,
): Change | Impossible {
  const at = cursor.at(reference.location)
  if (at === null || cursor.textOf(at) !== '*' || reference.item === null) return misplaced(reference)
  const listed: Listed = { texts: [], nodes: [] }
  for (const { name, isNamed, item } of entries) {
    const isAlone = isNamed && entries.filter(other => other.name === name).length === 1
    const target = targets.get(item)
    if (!isAlone) {
      return impossible(
        '`*` stands for columns of a join and of a relation with masked columns',
        'name the columns that it should give',
        placeAt(reference.location),
      )
    }
    const qualifier = { text: `${quoteName(name)} .`, fields: [{ String: { sval: name } }] }
    const more =
      target === undefined
        ? { texts: [`${qualifier.text} *`], nodes: [listItem(columnRef([...qualifier.fields, { A_Star: {} }]))] }
        : listColumns({ ...input, cursor }, target, qualifier)
    if ('kind' in more) return more
    listed.texts.push(...more.texts)
    listed.nodes.push(...more.nodes)
  }
  return spread(cursor, reference.item, at, at + 1, listed)
}

interface Listed {
  readonly texts: string[]
  readonly nodes: Node[]
}

interface Qualifier {
  /** With the dot behind it. */
  readonly text: string
  readonly fields: readonly unknown[]
}

function listColumns(input: ChangesInput, { masked, columns }: Target, qualifier: Qualifier): Listed | Impossible {
  const listed: Listed = { texts: [], nodes: [] }
  for (const { name } of masked.relation.columns) {
    const column = listColumn(input, name, columns.get(name), qualifier)
    if ('why' in column) return column
    listed.texts.push(column.text)
    listed.nodes.push(listItem(column.node))
  }
  return listed
}

function listColumn(
  input: ChangesInput,
  name: UsedColumn['name'],
  masked: Parameters<typeof maskOver>[0] | undefined,
  { text, fields }: Qualifier,
): { readonly text: string; readonly node: Node } | Impossible {
  const plain = { text: `${text} ${quoteName(name)}`, node: columnRef([...fields, { String: { sval: name } }]) }
  return masked === undefined ? plain : maskOver(masked, plain, input)
}

const columnRef = (fields: readonly unknown[]): Node => ({ ColumnRef: { fields } })
const listItem = (value: Node): Node => ({ ResTarget: { val: value } })

const spread = (cursor: TextCursor, item: Node, first: number, after: number, { texts, nodes }: Listed): Change => ({
  kind: 'change',
  edit: { start: cursor.startOf(first), end: cursor.endOf(after - 1), text: texts.join(', ') },
  node: item,
  by: () => nodes,
})

function fieldsOf({ wrapped }: WrittenReference): unknown {
  const { ColumnRef: reference } = wrapped
  return typeof reference === 'object' && reference !== null && 'fields' in reference ? reference.fields : null
}

function nameOf(cursor: TextCursor, reference: WrittenReference): DottedName | null {
  const from = cursor.at(reference.location)
  const name = from === null ? null : dottedName(cursor, from)
  const fields: unknown = fieldsOf(reference)
  return name !== null && Array.isArray(fields) && name.parts.length === fields.length ? name : null
}

function textOfName(cursor: TextCursor, reference: WrittenReference) {
  const name = nameOf(cursor, reference)
  const first = name?.parts[0]
  if (name === null || first === undefined) return null
  const text = textBetween(cursor, first, name.after)
  return { text, start: cursor.startOf(first), end: cursor.endOf(name.after - 1) }
}

const textBetween = (cursor: TextCursor, from: number, to: number): string =>
  Array.from({ length: to - from }, (_, index) => cursor.textOf(from + index)).join(' ')

const misplaced = ({ location }: WrittenReference): Impossible =>
  disagreement('a column is not where the grammar says it is', placeAt(location))

const wholeRow = ({ masked }: Target, { location }: WrittenReference): Impossible =>
  impossible(
    `the whole row of \`${masked.relation.name}\` has masked columns in it, and the statement changes that relation`,
    'name the columns that you need, or write `*` in RETURNING',
    placeAt(location),
  )

const inferred = (column: string, { location }: WrittenReference): Impossible =>
  impossible(
    `ON CONFLICT compares the masked column \`${column}\` with the values of other rows`,
    'name a key without masked columns, such as the primary key',
    placeAt(location),
  )

const needsName = (column: string, { location }: WrittenReference): Impossible =>
  impossible(
    `the masked column \`${column}\` stands where it gives a name`,
    `write … AS ${quoteName(column)} behind it`,
    placeAt(location),
  )

/**
 * Holds what was bound here against what the classifier found: wherever that has a masked column of a changed relation read,
 * a reference must stand here that is known. What joins by USING read is of relations that are rewritten themselves.
 */
function heldToFacts(
  { facts, survey }: ChangesInput,
  { byLocation }: Sightings,
  targets: ReadonlyMap<Item, Target>,
): Impossible | null {
  const columns = new Map(
    [...targets.values()].map(({ masked, columns: named }) => [relationKey(masked.relation), named]),
  )
  const reads = new Set(survey.ranges.filter(({ position }) => position !== 'target').map(({ location }) => location))
  for (const use of facts.columns) {
    const known = columns.get(relationKey(use))
    if (use.role === 'target' || known === undefined || !(use.column === '*' || known.has(use.column))) continue
    if (byLocation.has(use.place.start) || reads.has(use.place.start)) continue
    return impossible(
      `the masked column \`${use.column}\` of a relation that it changes is read in a way that can not be rewritten`,
      'leave that column out, or qualify it with its relation',
      use.place,
    )
  }
  return null
}
