import { relationKey } from './catalog.ts'
import type { Access, ColumnMention, Facts, Use, UsedRelation } from './facts.ts'
import type { MaskedRelation } from './mask.ts'
import { maskedBehind, maskedRelation } from './masked-behind.ts'
import type { Standing } from './policy/standing.ts'
import { printable, printableName } from './printable.ts'
import type { Place } from './statement.ts'

type RelationUse = Extract<Use, { kind: 'relation' }>

/** The masks that a statement must run with, or why it can't run with them. */
export type MaskObligations =
  | { readonly kind: 'possible'; readonly masks: readonly MaskedRelation[] }
  | { readonly kind: 'impossible'; readonly why: string; readonly hint: string; readonly place: Place }
type Impossible = Extract<MaskObligations, { kind: 'impossible' }>

/**
 * Finds the masked relations of a statement, and the first of its uses that no mask could cover. Relations that are
 * read are masked by the rewriter; what is changed in place can't be rewritten, and so must not be read.
 */
export function maskObligations(
  standing: Standing,
  { uses, mentions }: Pick<Extract<Facts, { kind: 'understood' }>, 'uses' | 'mentions'>,
): MaskObligations {
  const used = uses.filter(use => use.kind === 'relation')
  // Names in the statement are of relations that it names, not of those that code of the database works on.
  const named = used.filter(use => use.via === undefined)
  const masked = new Map<string, MaskedRelation>()
  for (const use of used) {
    const { relation } = use
    // System relations show no row values of anybody's tables; those that do are refused by the classifier.
    const columns = relation.kind === 'catalog' ? [] : standing.maskedColumns(relation)
    const behind = use.via === undefined && READS.has(use.access) ? maskedBehind(standing, relation) : []
    if (columns.length === 0 && behind.length === 0) continue
    const impossible = whyImpossible(use, { relation, columns }, mentions, named)
    if (impossible !== null) return impossible
    for (const each of behind) masked.set(relationKey(each.relation), each)
    masked.set(relationKey(relation), maskedRelation(standing, relation))
  }
  return { kind: 'possible', masks: [...masked.values()] }
}

function whyImpossible(
  use: RelationUse,
  masked: MaskedRelation,
  mentions: readonly ColumnMention[],
  used: readonly RelationUse[],
): Impossible | null {
  const name = shown(use.relation)
  if (use.relation.kind === 'derived' && use.via === undefined && !isReadable(use)) {
    return {
      kind: 'impossible',
      why: `column ${printableName(masked.columns[0]?.column.name ?? '')} of the view ${name} may show masked values`,
      hint: 'query the base tables of the view; their masks are applied where the rows are fetched',
      place: use.place,
    }
  }
  if (use.via !== undefined) {
    return {
      kind: 'impossible',
      why: `the ${use.via.kind} ${printable(use.via.name)} works on masked columns of ${name} inside the database`,
      hint: 'masks reach no code that the database runs: have it done by a principal who sees the columns unmasked',
      place: use.place,
    }
  }
  switch (HOW[use.access]) {
    case 'rewritten':
    case 'reads-nothing':
      return null
    case 'reads-what-it-mentions': {
      const reading = mentions.find(mention => mayRead(mention, masked, used))
      if (reading === undefined) return null
      return {
        kind: 'impossible',
        why: `${use.access} on ${name} may read a masked column through ${printable(reading.name)}`,
        hint: `name only unmasked columns of ${name}, and columns of other relations with their relation; masked ones may be assigned to, but not read`,
        place: reading.place,
      }
    }
    case 'reads-everything':
      return {
        kind: 'impossible',
        why: `${use.access} on ${name} works on rows that hold masked columns`,
        hint: 'have it done by a principal who sees the columns unmasked',
        place: use.place,
      }
  }
}

const READS: ReadonlySet<Access> = new Set(['select', 'copy', 'lock'])

/** Whether the rewriter can look into a view, and has only to read it. */
const isReadable = ({ relation, access }: RelationUse): boolean => relation.view !== undefined && READS.has(access)

/** What each access means for the masks of the relation it is on. */
const HOW: Readonly<Record<Access, 'rewritten' | 'reads-nothing' | 'reads-what-it-mentions' | 'reads-everything'>> = {
  select: 'rewritten',
  copy: 'rewritten',
  truncate: 'reads-nothing',
  lock: 'reads-nothing',
  insert: 'reads-what-it-mentions',
  update: 'reads-what-it-mentions',
  delete: 'reads-what-it-mentions',
  ddl: 'reads-everything',
  maintain: 'reads-everything',
}

/**
 * Whether a mention could stand for a masked column, or for a row with one in it. What it refers to isn't resolved here,
 * so only names that can't be one are cleared: a star is a row, and so may be any bare name that is no column of the
 * relation, since it may be the relation's alias: `update customers as total set note = total::text`.
 */
function mayRead(
  { name, qualifier }: ColumnMention,
  { relation, columns }: MaskedRelation,
  used: readonly RelationUse[],
): boolean {
  if (name === '*' || columns.some(({ column }) => column.name === name)) return true
  if (hasColumn(relation, name)) return false
  if (qualifier.length === 0 || name === relation.name) return true
  return !used.some(other => relationKey(other.relation) !== relationKey(relation) && hasColumn(other.relation, name))
}

const hasColumn = (relation: UsedRelation, name: string): boolean =>
  relation.columns.some(column => column.name === name)

const shown = ({ schema, name }: UsedRelation): string => `${printableName(schema)}.${printableName(name)}`
