import type { Catalog } from '../catalog.ts'
import type { KeyPath, PolicyIssue } from '../errors.ts'
import { maskName } from '../explain.ts'
import type { UsedColumn, UsedRelation } from '../facts.ts'
import type { Mask } from '../mask.ts'
import { printable, printableName } from '../printable.ts'
import { compileCover, coversItself } from './mask-cover.ts'
import { matchesTarget } from './match-who.ts'
import type { MaskEntry, Policy } from './policy.ts'
import { warning } from './warning.ts'

/** Whether a mask shows every value of a column as NULL, because it can't give one of the column's type. */
export type ShowsNull = (mask: Mask, column: UsedColumn) => boolean

/** Tags that no column has and types that none is of. */
export function idleMarks(entry: MaskEntry, path: KeyPath, { relations }: Catalog): readonly PolicyIssue[] {
  if (entry.kind !== 'tags' && entry.kind !== 'types') return []
  const texts = entry.kind === 'tags' ? entry.tags : entry.types
  const all = new Set([...relations.values()].flatMap(({ columns }) => columns.map(({ marks }) => marks)))
  return texts.flatMap((text, index) => {
    const one = entry.kind === 'tags' ? { ...entry, tags: [text] } : { ...entry, types: [text] }
    const { marks: covers } = compileCover(one)
    if ([...all].some(covers)) return []
    const what = entry.kind === 'tags' ? 'is the tag of no column' : 'is the type of no column'
    return [warning([...path, entry.kind, index], `${printable(text)} ${what} of the database`)]
  })
}

/** What masks make of the columns that they are on: those that show nothing, and lookups that find nothing or anything. */
export function maskEffects(
  policy: Policy,
  catalog: Catalog,
  target: string,
  showsNull: ShowsNull,
): readonly PolicyIssue[] {
  return policy.masks.flatMap((entry, index) => {
    if (!matchesTarget(entry.targets, target)) return []
    return [...guessing(entry, ['masks', index]), ...nulls(entry, ['masks', index], catalog, showsNull)]
  })
}

function guessing({ predicates, lookups }: MaskEntry, path: KeyPath): readonly PolicyIssue[] {
  const isBounded = lookups.perMinuteMax !== null || lookups.perDayMax !== null
  return predicates === 'equality' && !isBounded
    ? [
        warning(
          [...path, 'predicates'],
          'equality without a budget lets whoever has a list of values try all of it: add lookups: { per-day: 100 }, say',
        ),
      ]
    : []
}

function nulls(entry: MaskEntry, path: KeyPath, catalog: Catalog, showsNull: ShowsNull): readonly PolicyIssue[] {
  const { mask, kind } = entry
  if (kind === 'detect' || mask.kind === 'null') return []
  const cover = compileCover(entry)
  const found: { readonly relation: UsedRelation; readonly column: UsedColumn }[] = []
  for (const relation of catalog.relations.values())
    for (const column of relation.columns)
      if (coversItself(cover, relation, column) && showsNull(mask, column)) found.push({ relation, column })
  const [first] = found
  if (first === undefined) return []
  const { relation, column } = first
  const shown = [relation.schema, relation.name, column.name].map(printableName).join('.')
  const more = found.length === 1 ? '' : `, and ${found.length - 1} more`
  const lookup = entry.predicates === 'equality' ? '; so a lookup by equality finds nothing' : ''
  const message = `${maskName(mask)} shows ${shown} (${printable(column.type)}${more}) as NULL, since it has no such value of this type${lookup}: ${instead(column, showsNull)}`
  return [warning([...path, 'with'], message)]
}

/** Masks worth a try for a type, from those that show the most of it on. */
const OTHERS: readonly (readonly [written: string, mask: Mask])[] = [
  ['date-trunc: year', { kind: 'date-trunc', unit: 'year' }],
  ['partial', { kind: 'partial', first: 0, last: 4, fill: '*' }],
  ['hash', { kind: 'hash', key: null }],
  ['redact', { kind: 'redact' }],
  ['constant: "0"', { kind: 'constant', value: '0' }],
  ['constant: "false"', { kind: 'constant', value: 'false' }],
]

function instead(column: UsedColumn, showsNull: ShowsNull): string {
  const fitting = OTHERS.flatMap(([written, mask]) => (showsNull(mask, column) ? [] : [written]))
  return fitting.length === 0 ? 'write with: null, which says so' : `use ${fitting.join(', ')}, or null, which says so`
}
