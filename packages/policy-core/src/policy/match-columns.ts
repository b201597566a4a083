import type { Access, ColumnName, ColumnUse, Facts, Use, UsedRelation } from '../facts.ts'
import type { Pattern } from './pattern.ts'
import type { Rule } from './policy.ts'

type RelationUse = Extract<Use, { kind: 'relation' }>
type Understood = Extract<Facts, { kind: 'understood' }>

/** What a use of a relation touches of it. `more`: other columns too, of which nothing is known. */
interface Touched {
  readonly columns: readonly string[]
  readonly more: boolean
}

/**
 * Prepares a condition on columns. A deny or an approve holds where the use may touch a column that matches, or one whose
 * values come from such a column; an allow only where every column that it touches matches.
 */
export function compileColumns(
  decision: Rule['decision'],
  patterns: readonly Pattern[],
): (use: RelationUse, facts: Understood) => boolean {
  return decision === 'allow'
    ? ({ access, relation, via }, facts) =>
        areAllNamed(patterns, relation, touchedBy(access, relation, via !== undefined, facts))
    : ({ access, relation, via }, facts) =>
        isOneNamed(patterns, relation, touchedBy(access, relation, via !== undefined, facts))
}

function areAllNamed(patterns: readonly Pattern[], relation: UsedRelation, { columns, more }: Touched): boolean {
  const { schema, name } = relation
  return more
    ? patterns.some(({ coversAll }) => coversAll([schema, name]))
    : columns.every(column => patterns.some(({ matches }) => matches([schema, name, column])))
}

const isOneNamed = (patterns: readonly Pattern[], relation: UsedRelation, { columns, more }: Touched): boolean =>
  (more && showsWhatIsUnknown(relation)) ||
  patterns.some(
    pattern =>
      columns.some(column => namesOf(relation, column).some(pattern.matches)) ||
      (more && pattern.matchesFirst([relation.schema, relation.name])),
  )

/** A view of which no column is known could show one of any relation. */
export const showsWhatIsUnknown = ({ kind, columns }: UsedRelation): boolean =>
  kind === 'derived' && columns.length === 0

/** A column by its own name, and by those of the columns whose values it may show. */
function namesOf({ schema, name, columns }: UsedRelation, column: string): readonly (readonly string[])[] {
  const known = columns.find(candidate => candidate.name === column)
  return [[schema, name, column], ...(known?.origins ?? []).map(nameParts)]
}

const nameParts = ({ schema, name, column }: ColumnName): readonly string[] => [schema, name, column]

/** How each access touches columns: those that it reads, those that it writes (and reads), or whole rows. */
const HOW: Readonly<Record<Access, 'reads' | 'writes' | 'rows'>> = {
  select: 'reads',
  copy: 'reads',
  insert: 'writes',
  update: 'writes',
  // A row goes with all its columns.
  delete: 'rows',
  truncate: 'rows',
  lock: 'rows',
  ddl: 'rows',
  maintain: 'rows',
}

/**
 * What isn't known to be less is a whole row. Of what code of the database writes to nothing is said but what it reads to
 * do so, or hands on: it may assign to any column.
 */
function touchedBy(access: Access, relation: UsedRelation, isIndirect: boolean, facts: Understood): Touched {
  const how = HOW[access]
  const known = relation.columns.map(({ name }) => name)
  const row: Touched = { columns: known, more: known.length === 0 || (isIndirect && how !== 'reads') }
  if (isIndirect || how === 'rows') return row
  const ofIt = facts.columns.filter(({ schema, name }) => schema === relation.schema && name === relation.name)
  const touched = how === 'reads' ? ofIt.filter(isRead) : touchedByWrite(ofIt, relation, facts)
  if (touched === null || touched.some(({ column }) => column === '*')) return row
  if (touched.length === 0 && !isLineageKnown(facts)) return row
  return { columns: touched.map(({ column }) => column), more: false }
}

const isRead = ({ role }: ColumnUse): boolean => role !== 'target'

/**
 * The columns that are assigned to, and those that are read to do it, unless a use of its own stands for the reading.
 * Null where nothing is known to be assigned to.
 */
function touchedByWrite(
  ofIt: readonly ColumnUse[],
  relation: UsedRelation,
  { uses }: Understood,
): readonly ColumnUse[] | null {
  if (ofIt.every(isRead)) return null
  const isReadElsewhere = uses.some(
    use =>
      use.kind === 'relation' &&
      use.via === undefined &&
      HOW[use.access] === 'reads' &&
      use.relation.schema === relation.schema &&
      use.relation.name === relation.name,
  )
  return isReadElsewhere ? ofIt.filter(use => !isRead(use)) : ofIt
}

/** No column of a relation is a finding only where all that shows was followed: `select count(*) from t`. */
const isLineageKnown = ({ outputs }: Understood): boolean =>
  outputs?.every(({ lineage }) => lineage !== 'unknown') === true
