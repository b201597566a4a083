import { type Node, nodeAt, numberAt, referenceParts, textAt, typedAt, typedNodesAt } from '../../node.ts'
import type { Sightings } from '../changes/sightings.ts'
import { type KeyedColumn, type KeyedItems, keyedColumn, seenAt } from './columns.ts'
import { type GroupItem, groupItemsOf } from './grouped-selects.ts'

/** An item of GROUP BY that is a column of a relation with a key. */
export interface GroupedColumn extends KeyedColumn {
  readonly by: GroupItem
}

/** What of keyed relations a SELECT groups by: by name, by position or by label. */
export function groupedColumns(select: Node, sightings: Sightings, keyed: KeyedItems): readonly GroupedColumn[] {
  const outputs = outputsOf(select, sightings, keyed)
  return groupItemsOf(select).flatMap(by => {
    const column = meaningOf(by, outputs, sightings, keyed)
    return column === null ? [] : [{ ...column, by }]
  })
}

function meaningOf(
  { typed: { type, body } }: GroupItem,
  outputs: readonly Output[],
  sightings: Sightings,
  keyed: KeyedItems,
): KeyedColumn | null {
  if (type === 'A_Const' && 'ival' in body)
    return outputs[numberAt(nodeAt(body, 'ival') ?? {}, 'ival') - 1]?.column ?? null
  if (type !== 'ColumnRef') return null
  const seen = sightings.byLocation.get(numberAt(body, 'location')) ?? []
  if (!seen.some(({ kind }) => kind === 'label')) return columnAt(body, sightings, keyed)
  // A bare name is a column of FROM before it is a label (findTargetlistEntrySQL92 in parse_clause.c); the binder knows.
  const labelled = outputs.filter(({ label }) => label === referenceParts(body).names[0])
  const [first] = labelled
  return labelled.length === 1 && first !== undefined ? first.column : null
}

function columnAt(reference: Node, sightings: Sightings, keyed: KeyedItems): KeyedColumn | null {
  const [seen] = seenAt(reference, sightings, keyed)
  return seen?.kind === 'column' ? keyedColumn(seen.entry, seen.field, keyed) : null
}

/** A column that a SELECT gives. */
interface Output {
  readonly label: string
  readonly column: KeyedColumn | null
}

/** What a SELECT gives, stars drawn out, up to where that is known. */
function outputsOf(select: Node, sightings: Sightings, keyed: KeyedItems): readonly Output[] {
  const outputs: Output[] = []
  for (const { body } of typedNodesAt(select, 'targetList')) {
    const label = textAt(body, 'name')
    const value = typedAt(body, 'val')
    if (value?.type === 'ColumnRef' && !referenceParts(value.body).isStar) {
      const own = referenceParts(value.body).names.at(-1) ?? ''
      outputs.push({ label: label || own, column: columnAt(value.body, sightings, keyed) })
      continue
    }
    const isRow =
      value?.type === 'A_Indirection' && typedNodesAt(value.body, 'indirection').some(({ type }) => type === 'A_Star')
    if (value === null || isRow) return outputs
    if (value.type !== 'ColumnRef') {
      outputs.push({ label, column: null })
      continue
    }
    const drawn = drawnOut(value.body, sightings, keyed)
    if (drawn === null) return outputs
    outputs.push(...drawn)
  }
  return outputs
}

function drawnOut(star: Node, sightings: Sightings, keyed: KeyedItems): readonly Output[] | null {
  const [mine] = seenAt(star, sightings, keyed)
  const seen = mine ?? sightings.byLocation.get(numberAt(star, 'location'))?.[0]
  const entries = seen?.kind === 'star' ? seen.entries : seen?.kind === 'row' ? [seen.entry] : []
  if (entries.length === 0 || entries.some(({ item }) => !item.isComplete)) return null
  return entries.flatMap(entry =>
    entry.item.fields.map(field => ({ label: field.name, column: keyedColumn(entry, field, keyed) })),
  )
}
