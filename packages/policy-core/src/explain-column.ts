import { type Catalog, relationKey } from './catalog.ts'
import { columnPaths, type PathStep } from './column-path.ts'
import type { ColumnMarks, ColumnName, UsedColumn, UsedRelation } from './facts.ts'
import type { MaskedColumn } from './mask.ts'
import { coversItself } from './policy/mask-cover.ts'
import type { MaskEntry } from './policy/policy.ts'
import type { CompiledMask, Standing } from './policy/standing.ts'

/** A column whose values may show, and how they come there. */
export interface OriginPath {
  readonly column: ColumnName
  /** From the column that was asked about; empty for itself, null where it isn't known. */
  readonly path: readonly PathStep[] | null
  readonly tags: readonly string[]
}

/** A mask entry of the policy that is on a column, and the columns that make it so. */
export interface MaskingEntry {
  /** The position in the policy's `masks` list. */
  readonly index: number
  readonly entry: MaskEntry
  readonly by: readonly OriginPath[]
}

/** What a policy makes of a column, and why. */
export interface ColumnExplanation {
  readonly column: ColumnName
  readonly type: string
  /** Its own, and those of its origins. */
  readonly tags: readonly string[]
  /** How it is seen; null where it is seen as it is. */
  readonly masked: MaskedColumn | null
  readonly entries: readonly MaskingEntry[]
  /** Itself among them. */
  readonly origins: readonly OriginPath[]
  /** Why the rows of its relation can't be followed, or null. */
  readonly opaque: string | null
}

/**
 * Says by which masks somebody sees a column, and by which path each comes to be on it. Null where the catalog has no such
 * column.
 *
 * @example
 * const standing = policy.for(principal, target)
 * explainColumn(standing, catalog, { schema: 'public', name: 'v', column: 'x' })?.masked?.mask
 */
export function explainColumn(
  standing: Pick<Standing, 'masks' | 'maskedColumns'>,
  catalog: Catalog,
  asked: ColumnName,
): ColumnExplanation | null {
  const relation = catalog.relations.get(relationKey(asked))
  const column = relation?.columns.find(({ name }) => name === asked.column)
  if (relation === undefined || column === undefined) return null
  const pathTo = columnPaths(catalog, asked)
  const origins = column.origins.map(origin => ({
    column: origin,
    path: pathTo(origin),
    tags: ownMarks(catalog, origin)?.tags ?? [],
  }))
  const entries = standing.masks.flatMap((mask): readonly MaskingEntry[] => {
    const by = origins.filter(origin => isBy(mask, catalog, origin.column))
    if (by.length > 0) return [{ index: mask.index, entry: mask.entry, by }]
    // What gives it the mark is no relation's: an attribute of its type, say.
    if (!mask.cover.marks(column.marks)) return []
    return [
      { index: mask.index, entry: mask.entry, by: origins.filter(origin => columnAt(catalog, origin.column) === null) },
    ]
  })
  return {
    column: asked,
    type: column.type,
    tags: column.marks?.tags ?? [],
    masked: standing.maskedColumns(relation).find(each => each.column === column) ?? null,
    entries,
    origins,
    opaque: relation.opaque,
  }
}

function isBy({ cover }: CompiledMask, catalog: Catalog, { schema, name, column }: ColumnName): boolean {
  const known = columnAt(catalog, { schema, name, column })
  return known === null ? cover.names([schema, name, column]) : coversItself(cover, known.relation, known.column)
}

function columnAt(
  { relations }: Catalog,
  origin: ColumnName,
): { readonly relation: UsedRelation; readonly column: UsedColumn } | null {
  const relation = relations.get(relationKey(origin))
  const column = relation?.columns.find(({ name }) => name === origin.column)
  return relation === undefined || column === undefined ? null : { relation, column }
}

function ownMarks(catalog: Catalog, origin: ColumnName): ColumnMarks | undefined {
  const column = columnAt(catalog, origin)?.column
  return column?.ownMarks ?? column?.marks
}
