import {
  type Catalog,
  type CatalogRelation,
  type ColumnName,
  type Detector,
  relationKey,
  type UsedColumn,
} from '@querywarden/policy-core'
import { CERTAINTIES, type Certainty, hintOfName, type NameHint, type ProposedMask } from './column-names.ts'

/** How often detectors found something in what was sampled of a column. */
export interface Sampled {
  readonly values: number
  /** Values with a find in them, by detector. */
  readonly finds: ReadonlyMap<Detector, number>
}

/** A mask for a person to accept. */
export interface Proposal {
  readonly column: ColumnName
  readonly type: string
  readonly mask: ProposedMask
  readonly certainty: Certainty
  /** Why, one reason each. */
  readonly reasons: readonly string[]
}

/** Of fewer values nothing is concluded. */
const VALUES_MIN = 3
/** A column of which so much looks like something is that; less is some of it in other text. */
const MOSTLY = 0.6
const SOMETIMES = 0.05

/**
 * Proposes masks for the base columns of a schema, by their names, the names of the attributes of their types, and samples
 * where there are any. What shows the values of a proposed column follows it under the policy, and isn't proposed: views,
 * partitions, children, generated columns, columns that refer to it by a foreign key.
 */
export function proposeMasks(
  catalog: Catalog,
  sampled: (relation: CatalogRelation, column: UsedColumn) => Sampled | null,
): readonly Proposal[] {
  const bases = baseColumns(catalog)
  const proposals = bases.flatMap(
    ({ relation, column }) => proposalFor(relation, column, sampled(relation, column)) ?? [],
  )
  const proposed = new Set(proposals.map(({ column }) => keyOf(column)))
  const followers = new Set(
    bases
      .filter(({ relation, column }) => isFollower(relation, column, proposed))
      .map(({ relation, column }) => keyOf(nameOf(relation, column))),
  )
  return proposals
    .filter(({ column }) => !followers.has(keyOf(column)))
    .sort(
      (a, b) =>
        CERTAINTIES.indexOf(a.certainty) - CERTAINTIES.indexOf(b.certainty) ||
        keyOf(a.column).localeCompare(keyOf(b.column)),
    )
}

interface BaseColumn {
  readonly relation: CatalogRelation
  readonly column: UsedColumn
}

/** Columns of tables that say something of what they hold: no truth values, no columns of a kind that is counted or timed. */
export const baseColumns = ({ relations }: Catalog): readonly BaseColumn[] =>
  [...relations.values()]
    .filter(({ kind, view }) => (kind === 'table' || kind === 'foreign') && view === undefined)
    .flatMap(relation =>
      relation.columns.filter(({ type }) => type !== 'boolean').map(column => ({ relation, column })),
    )

function proposalFor(relation: CatalogRelation, column: UsedColumn, sampled: Sampled | null): Proposal | null {
  const hint = hintOf(relation, column)
  const find = sampled === null ? null : mostFound(sampled)
  if (hint === null && find === null) return null
  // What is in the values tells more than a name that may mean anything.
  const certainty = find?.isMostly === true ? 'high' : (hint?.hint.certainty ?? 'medium')
  return {
    column: nameOf(relation, column),
    type: column.type,
    mask: maskFor(column, hint?.hint ?? null, find),
    certainty,
    reasons: [
      ...(hint === null ? [] : [`${hint.by} says ${hint.hint.means}`]),
      ...(find === null
        ? []
        : [`${find.count} of ${find.values} sampled values hold what looks like ${find.detector}`]),
    ],
  }
}

/** By its own name, by a tag, by the names of its type and of its type's attributes. */
function hintOf(
  relation: CatalogRelation,
  { name, type, origins, marks, ownMarks }: UsedColumn,
): { readonly hint: NameHint; readonly by: string } | null {
  const own = hintOfName(name)
  if (own !== null && fits(own, type)) return { hint: own, by: 'its name' }
  const [tag] = ownMarks?.tags ?? []
  if (tag !== undefined) return { hint: { means: tag, certainty: 'high', mask: { kind: 'redact' } }, by: 'its tag' }
  for (const domain of marks?.types ?? []) {
    const hint = hintOfName(domain.name.replace(/_t(?:ype)?$/, ''))
    if (hint !== null) return { hint, by: `its type ${domain.name}` }
  }
  for (const origin of origins) {
    const isAttribute = `${origin.schema}.${origin.name}` === type.replaceAll('"', '').replace(/\[\]$/, '')
    const hint = isAttribute && relationKey(origin) !== relationKey(relation) ? hintOfName(origin.column) : null
    if (hint !== null) return { hint, by: `attribute ${origin.column} of its type` }
  }
  return null
}

const COUNTED = /^(?:smallint|integer|bigint|oid|timestamp|time |interval|date$)/

/** A number may be an account and a date a birthday; a key to another table is neither an address nor an e-mail. */
const fits = ({ mask, certainty }: NameHint, type: string): boolean =>
  !COUNTED.test(type) ||
  mask.kind === 'date-trunc' ||
  (certainty === 'high' && mask.kind !== 'email' && !/^(?:time|date|interval)/.test(type))

interface MostFound {
  readonly detector: Detector
  readonly count: number
  readonly values: number
  readonly isMostly: boolean
}

function mostFound({ values, finds }: Sampled): MostFound | null {
  const [most] = [...finds].sort((a, b) => b[1] - a[1])
  if (most === undefined || values < VALUES_MIN || most[1] / values < SOMETIMES) return null
  return { detector: most[0], count: most[1], values, isMostly: most[1] / values >= MOSTLY }
}

const NULL: ProposedMask = { kind: 'null' }
const IS_TEXT = /^(?:text|character varying|character|citext|public\.citext|name)\b/
const IS_DATE = /^(?:date|timestamp)/

/** A mask that the type takes; NULL where none but that does. */
function maskFor({ type }: UsedColumn, hint: NameHint | null, find: MostFound | null): ProposedMask {
  const isArray = type.endsWith('[]')
  if (IS_DATE.test(type)) return hint?.mask.kind === 'date-trunc' && !isArray ? hint.mask : NULL
  if (isArray || !IS_TEXT.test(type)) return NULL
  if (find?.detector === 'email' && find.isMostly) return { kind: 'email' }
  return hint === null || hint.mask.kind === 'date-trunc' ? { kind: 'redact' } : hint.mask
}

/** Whether a column shows the values of one that is proposed by itself, in a relation that comes before its own. */
function isFollower(relation: CatalogRelation, column: UsedColumn, proposed: ReadonlySet<string>): boolean {
  return (relation.sources ?? []).some(source => {
    switch (source.kind) {
      case 'partitioned table':
      case 'parent':
        return proposed.has(keyOf({ ...source.from, column: column.name }))
      case 'generated column':
      case 'text search vector':
      case 'foreign key':
        return (
          source.column === column.name &&
          source.of !== null &&
          proposed.has(keyOf({ ...source.from, column: source.of }))
        )
      default:
        return false
    }
  })
}

const nameOf = ({ schema, name }: CatalogRelation, column: UsedColumn): ColumnName => ({
  schema,
  name,
  column: column.name,
})

/** Names a column among others. */
export const keyOf = ({ schema, name, column }: ColumnName): string => JSON.stringify([schema, name, column])
