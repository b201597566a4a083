import { relationKey } from './catalog.ts'
import type { Access, ColumnRole, ColumnUse, Facts, RelationName, Use } from './facts.ts'
import type { MaskedColumn, MaskedRelation } from './mask.ts'
import { maskedBehind, maskedRelation } from './masked-behind.ts'
import type { Standing } from './policy/standing.ts'
import { strictestMask } from './policy/strictest-mask.ts'
import { printable, printableName } from './printable.ts'
import type { Place } from './statement.ts'

type RelationUse = Extract<Use, { kind: 'relation' }>

/** The masks that a statement must run with, or why it can't run with them. */
export type MaskObligations =
  | { readonly kind: 'possible'; readonly masks: readonly MaskedRelation[] }
  | {
      readonly kind: 'impossible'
      readonly code: 'CANNOT_MASK' | 'MASKED_PREDICATE'
      readonly why: string
      readonly hint: string
      readonly place: Place
    }
type Impossible = Extract<MaskObligations, { kind: 'impossible' }>

/**
 * Finds the masked relations of a statement, and the first of its uses that no mask could cover. Relations that are
 * read or changed are masked by the rewriter.
 */
export function maskObligations(
  standing: Standing,
  { uses, columns: used }: Pick<Extract<Facts, { kind: 'understood' }>, 'uses' | 'columns'>,
): MaskObligations {
  const masked = new Map<string, MaskedRelation>()
  for (const use of uses) {
    if (use.kind !== 'relation') continue
    const { relation } = use
    // System relations show no row values of anybody's tables; those that do are refused by the classifier.
    const columns = relation.kind === 'catalog' ? [] : standing.maskedColumns(relation)
    const behind = use.via === undefined && READS.has(use.access) ? maskedBehind(standing, relation) : []
    if (columns.length === 0 && behind.length === 0) continue
    const impossible = whyImpossible(use, { relation, columns })
    if (impossible !== null) return impossible
    for (const each of [...behind, maskedRelation(standing, relation)]) {
      const key = relationKey(each.relation)
      masked.set(key, joined(masked.get(key), each))
    }
  }
  return whyLookedAt(masked, used) ?? { kind: 'possible', masks: [...masked.values()] }
}

/** A relation's masks by two uses of it. One may know of fewer columns, or know less of them: neither takes from the other. */
function joined(before: MaskedRelation | undefined, now: MaskedRelation): MaskedRelation {
  if (before === undefined || before.relation === now.relation) return now
  const columns = joinedColumns(before.columns, now.columns)
  if (before.own === undefined && now.own === undefined) return { ...now, columns }
  return { ...now, columns, own: joinedColumns(before.own ?? [], now.own ?? []) }
}

function joinedColumns(before: readonly MaskedColumn[], now: readonly MaskedColumn[]): readonly MaskedColumn[] {
  const byName = new Map(before.map(masked => [masked.column.name, masked]))
  for (const masked of now) {
    const { name } = masked.column
    const other = byName.get(name)
    byName.set(name, {
      ...masked,
      mask: strictestMask(other === undefined ? [masked.mask] : [other.mask, masked.mask]) ?? masked.mask,
    })
  }
  return [...byName.values()]
}

function whyImpossible(use: RelationUse, masked: MaskedRelation): Impossible | null {
  const name = shown(use.relation)
  if (use.relation.kind === 'derived' && use.via === undefined && !isReadable(use)) {
    return {
      kind: 'impossible',
      code: 'CANNOT_MASK',
      why: `column ${printableName(masked.columns[0]?.column.name ?? '')} of the view ${name} may show masked values`,
      hint: 'query the base tables of the view; their masks are applied where the rows are fetched',
      place: use.place,
    }
  }
  if (use.via !== undefined) {
    return {
      kind: 'impossible',
      code: 'CANNOT_MASK',
      why: `the ${use.via.kind} ${printable(use.via.name)} works on masked columns of ${name} inside the database`,
      hint: 'masks reach no code that the database runs: have it done by a principal who sees the columns unmasked',
      place: use.place,
    }
  }
  if (!READS_EVERYTHING.has(use.access)) return null
  return {
    kind: 'impossible',
    code: 'CANNOT_MASK',
    why: `${use.access} on ${name} works on rows that hold masked columns`,
    hint: 'have it done by a principal who sees the columns unmasked',
    place: use.place,
  }
}

const READS: ReadonlySet<Access> = new Set(['select', 'copy', 'lock'])

/** Whether the rewriter can look into a view, and has only to read it. */
const isReadable = ({ relation, access }: RelationUse): boolean => relation.view !== undefined && READS.has(access)

/** Accesses that work on whole rows, where nothing could be rewritten. All others read by columns, or nothing. */
const READS_EVERYTHING: ReadonlySet<Access> = new Set(['ddl', 'maintain'])

/** What a column is looked at for rather than shown or written. */
const LOOKS: ReadonlySet<ColumnRole> = new Set(['predicate', 'join', 'group', 'order'])

/** The first column that the statement looks at though the policy lets nobody do so. */
function whyLookedAt(masked: ReadonlyMap<string, MaskedRelation>, used: readonly ColumnUse[]): Impossible | null {
  const isDenied = ({ predicates }: MaskedColumn): boolean => predicates === 'deny'
  if (![...masked.values()].some(({ columns }) => columns.some(isDenied))) return null
  for (const use of used) {
    if (!LOOKS.has(use.role)) continue
    const columns = masked.get(relationKey(use))?.columns.filter(isDenied) ?? []
    const denied = columns.find(({ column }) => use.column === '*' || column.name === use.column)
    if (denied === undefined) continue
    return {
      kind: 'impossible',
      code: 'MASKED_PREDICATE',
      why: `the policy lets nobody look at the masked column ${shown(use)}.${printableName(denied.column.name)} in a condition, a join, GROUP BY, ORDER BY, DISTINCT or a set operation`,
      hint: 'pick, join and sort by other columns, such as the primary key; it may be shown, through its mask',
      place: use.place,
    }
  }
  return null
}

const shown = ({ schema, name }: RelationName): string => `${printableName(schema)}.${printableName(name)}`
