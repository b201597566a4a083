import { type ColumnName, type MaskedColumn, relationKey, type UsedRelation } from '@querywarden/policy-core'
import { flagAt, nodesAt, numberAt, referenceParts, textAt, typedAt, typedNodesAt } from '../../node.ts'
import type { Definition } from './read-definition.ts'

/**
 * The columns of a view that are plain copies of masked columns, where the definition looks at masked columns in no other
 * way; or why that isn't proven.
 */
export type Copies =
  | { readonly kind: 'proven'; readonly columns: MaskedByName }
  | { readonly kind: 'unproven'; readonly why: string }

/** Masked columns by their names: of a view's columns, the masks are those of what they are copies of. */
export type MaskedByName = ReadonlyMap<string, MaskedColumn>

/** The masked columns of the relations that a definition reads, by {@link relationKey}. */
export type MaskedNames = ReadonlyMap<string, MaskedByName>

/**
 * Every mention of a masked column must be a whole item of the outermost SELECT list, which nothing groups, orders or
 * compares, and each column of the view that is made of one must be a copy of it. So the rows are what they are whatever the
 * masked values are, and a mask on the copy hides all of it.
 */
export function proveCopies(view: UsedRelation, { select, names }: Definition, masked: MaskedNames): Copies {
  const maskOn = (column: ColumnName): MaskedColumn | undefined => masked.get(relationKey(column))?.get(column.column)
  const { columns, outputs } = names
  if (outputs === null || outputs.length !== view.columns.length)
    return unproven('which columns its definition gives is not known')
  if (outputs.some(({ lineage }) => lineage === 'unknown')) return unproven('what a column of it shows is not known')
  if (columns.some(({ column }) => column === '*')) return unproven('its definition reads a row that is not known')
  const plain = plainItems(select)
  const looked = columns.find(
    use => maskOn(use) !== undefined && !(use.role === 'output' && plain.has(use.place.start)),
  )
  if (looked !== undefined) return unproven(`its definition works with \`${looked.name}.${looked.column}\``)
  const copies = new Map<string, MaskedColumn>()
  for (const [at, { origins, lineage }] of outputs.entries()) {
    const [mask] = origins.flatMap(origin => maskOn(origin) ?? [])
    if (mask === undefined) continue
    const column = view.columns[at]
    if (lineage !== 'copy' || origins.length !== 1 || column === undefined)
      return unproven('its definition computes with masked columns')
    copies.set(column.name, { ...mask, column })
  }
  return { kind: 'proven', columns: copies }
}

const unproven = (why: string): Copies => ({ kind: 'unproven', why })

/** Where the bare columns of the outermost SELECT list stand; none where rows are made distinct or of several queries. */
function plainItems(select: Readonly<Record<string, unknown>>): ReadonlySet<number> {
  const operation = textAt(select, 'op')
  const isOne = operation === '' || operation === 'SETOP_NONE'
  if (!isOne || flagAt(select, 'groupDistinct') || nodesAt(select, 'distinctClause').length > 0) return new Set()
  return new Set(
    typedNodesAt(select, 'targetList').flatMap(({ body }) => {
      const value = typedAt(body, 'val')
      return value?.type === 'ColumnRef' && !referenceParts(value.body).isStar ? [numberAt(value.body, 'location')] : []
    }),
  )
}
