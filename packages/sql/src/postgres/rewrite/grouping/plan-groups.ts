import { type Catalog, type MaskedRelation, relationKey } from '@querywarden/policy-core'
import type { Item } from '../../names/scope.ts'
import { type Node, numberAt, referenceParts, type TypedNode } from '../../node.ts'
import type { Sightings, SightingsOf } from '../changes/sightings.ts'
import { disagreement, type Impossible, impossible, placeAt } from '../impossible.ts'
import type { Change } from '../rewrite-ranges.ts'
import type { Range } from '../survey.ts'
import { dottedName, type TextCursor } from '../text-cursor.ts'
import type { Keyed, KeyedItems } from './columns.ts'
import { type GroupedColumn, groupedColumns } from './grouped-columns.ts'
import { groupedSelects, rangesOf } from './grouped-selects.ts'
import { type Needed, neededColumns } from './needed-columns.ts'

interface GroupsInput {
  readonly statement: TypedNode
  readonly catalog: Catalog
  readonly cursor: TextCursor
}

/**
 * Where GROUP BY has the primary key of a relation, the server takes the relation's other columns as determined
 * (check_functional_grouping in pg_constraint.c). Of a query in its place it knows no key. So the columns that a SELECT needs
 * are added to its GROUP BY: rows of one key are one row of the relation, whose columns have one value each, so no
 * group is divided. Nor where an outer join has made them null, for then all of them are, the key too.
 */
export function planGroups(
  input: GroupsInput,
  rewritten: ReadonlyMap<Range, MaskedRelation>,
  sightingsOf: SightingsOf,
): readonly (Change | Impossible)[] {
  const masked = new Map([...rewritten].map(([range, relation]) => [range.node, relation]))
  const keyOf = (range: Node) => {
    const relation = masked.get(range)?.relation
    return relation === undefined ? undefined : input.catalog.relations.get(relationKey(relation))?.primaryKey
  }
  const selects = [...rewritten.keys()].some(({ node }) => keyOf(node) !== undefined)
    ? groupedSelects(input.statement).filter(select => rangesOf(select).some(range => keyOf(range) !== undefined))
    : []
  if (selects.length === 0) return []
  const sightings = sightingsOf()
  if (sightings === null) return [impossible('its names lead to too many columns', 'send it in parts')]
  return selects.flatMap(select => {
    const keyed = new Map<Item, Keyed>()
    for (const range of rangesOf(select)) {
      const [relation, key] = [masked.get(range), keyOf(range)]
      if (relation === undefined || key === undefined) continue
      for (const entry of sightings.read.get(numberAt(range, 'location')) ?? [])
        keyed.set(entry.item, { masked: relation, key, entry })
    }
    return planSelect(input, select, sightings, keyed)
  })
}

function planSelect(
  { catalog, cursor }: GroupsInput,
  select: Node,
  sightings: Sightings,
  keyed: KeyedItems,
): readonly (Change | Impossible)[] {
  const grouped = groupedColumns(select, sightings, keyed)
  const determined = [...keyed].filter(([item, { key }]) =>
    key.every(name => grouped.some(each => each.item === item && each.column === name)),
  )
  if (determined.length === 0) return []
  const items = new Map(determined)
  const needed = neededColumns(select, catalog, sightings, items).filter(
    each => !grouped.some(({ item, column }) => item === each.item && column === each.column),
  )
  if (needed.length === 0) return []
  for (const each of needed) {
    const problem = whyNot(each, items.get(each.item))
    if (problem !== null) return [problem]
  }
  const keys = grouped.filter(({ item, column }) => items.get(item)?.key.includes(column))
  return [addBehind(lastOf(keys), needed, cursor)]
}

function whyNot({ column, text, location }: Needed, range: Keyed | undefined): Impossible | null {
  if (range === undefined) return disagreement('it is not clear what is grouped', placeAt(location))
  const { masked, key } = range
  const hidden = key.find(name => masked.columns.some(each => each.column.name === name))
  if (hidden !== undefined) {
    return impossible(
      `GROUP BY rests on the primary key of \`${masked.relation.name}\`, whose column \`${hidden}\` is masked`,
      'write all columns that it shows into GROUP BY',
      placeAt(location),
    )
  }
  const shown = masked.relation.columns.filter(({ name }) => column === null || name === column)
  const odd = shown.find(({ type }) => UNGROUPED.test(type))
  return odd === undefined
    ? null
    : impossible(
        `${text} would have to be grouped, and values of type \`${odd.type}\` can not be`,
        'group by the key in a subquery, and join the relation to that',
        placeAt(location),
      )
}

/** Built-in types without an equality that the server groups by (pg_opclass), as it writes them. */
const UNGROUPED = /^(?:json|xml|jsonpath|point|lseg|path|box|polygon|line|circle|pg_snapshot|txid_snapshot)(?:\[\])*$/

const lastOf = (grouped: readonly GroupedColumn[]): GroupedColumn | undefined =>
  [...grouped].sort((a, b) => placeOf(a) - placeOf(b)).at(-1)

const placeOf = ({ by }: GroupedColumn): number => numberAt(by.typed.body, 'location')

/** Adds columns to GROUP BY behind one of its items, which is a name or a number, maybe in parentheses. */
function addBehind(
  last: GroupedColumn | undefined,
  needed: readonly Needed[],
  cursor: TextCursor,
): Change | Impossible {
  const from = last === undefined ? null : cursor.at(placeOf(last))
  let after = last === undefined || from === null ? null : behind(last, from, cursor)
  if (last === undefined || from === null || after === null)
    return disagreement('GROUP BY is not where the grammar says it is')
  for (let before = from - 1; cursor.textOf(before) === '(' && cursor.textOf(after) === ')'; before -= 1) after += 1
  const end = cursor.endOf(after - 1)
  return {
    kind: 'change',
    edit: { start: end, end, text: needed.map(({ text }) => `, ${text}`).join('') },
    node: last.by.wrapped,
    by: (held: unknown) => [held, ...needed.map(({ node }) => node)],
  }
}

function behind({ by: { typed } }: GroupedColumn, from: number, cursor: TextCursor): number | null {
  if (typed.type !== 'ColumnRef') return from + 1
  const name = dottedName(cursor, from)
  return name?.parts.length === referenceParts(typed.body).names.length ? name.after : null
}
