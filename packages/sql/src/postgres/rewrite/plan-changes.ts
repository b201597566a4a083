import {
  type Catalog,
  type CatalogRelation,
  type Facts,
  type MaskedRelation,
  type MaskSql,
  relationKey,
} from '@querywarden/policy-core'
import type { Grammar } from '../engine.ts'
import { flagAt, nameParts, type TypedNode, textAt } from '../node.ts'
import { type Impossible, impossible, placeAt } from './impossible.ts'
import { type MaskedQuery, maskedQuery, onlySelect } from './masked-query.ts'
import { matchUses, usesByPlace } from './match-uses.ts'
import { type Change, changeCopy, changeRange, changeReference } from './rewrite-ranges.ts'
import type { Range, Survey } from './survey.ts'
import type { TextCursor } from './text-cursor.ts'

interface Input {
  readonly facts: Extract<Facts, { kind: 'understood' }>
  readonly masks: readonly MaskedRelation[]
  readonly maskSql: MaskSql
  readonly catalog: Catalog
  readonly grammar: Grammar
  readonly cursor: TextCursor
  readonly survey: Survey
  readonly statement: TypedNode
  readonly memory: QueryMemory
}

/** The changes of a statement, or why there is no sound way to change it. */
export type Plan = { readonly kind: 'plan'; readonly changes: readonly Change[] } | Impossible

/** The relation uses of a statement that can't be rewritten, or all of its changes. */
export function planChanges(input: Input): Plan {
  const refused = whyNot(input)
  if (refused !== null) return refused
  const matched = matchUses(input)
  if (!(matched instanceof Map)) return matched

  const queries = queryMaker(input)
  const changes: (Change | Impossible)[] = [...matched].map(([range, masked]) => {
    if (range.position === 'copied') return planCopy(input, range, masked, queries)
    const query = queries(masked, !flagAt(range.node, 'inh'))
    return query.kind === 'query' ? changeRange(range, query, input.cursor) : query
  })
  changes.push(...planReferences(input, matched))
  const impossibility = changes.find(change => change.kind === 'impossible')
  if (impossibility !== undefined) return impossibility
  return { kind: 'plan', changes: changes.filter(change => change.kind === 'change') }
}

/** Statements whose rows are read as they run. Definitions would outlive the principal whose masks are in them. */
const REWRITABLE: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'MergeStmt',
  'CreateTableAsStmt',
  'DeclareCursorStmt',
  'PrepareStmt',
  'CopyStmt',
  'TruncateStmt',
  'LockStmt',
])

function whyNot({ statement, survey }: Input): Impossible | null {
  const { type, body } = statement
  if (type === 'ExplainStmt') {
    return impossible(
      'a plan would show what is known of masked values',
      'explain the statement on relations without masks, or as a principal who sees them unmasked',
    )
  }
  if (!REWRITABLE.has(type) || (type === 'CreateTableAsStmt' && textAt(body, 'objtype') !== 'OBJECT_TABLE')) {
    return impossible(
      'what it defines would outlive the masks',
      'have it done by a principal who sees the columns unmasked',
    )
  }
  if (survey.systemColumn !== null) {
    return impossible(
      `a masked relation has no system column \`${survey.systemColumn.name}\` to show`,
      'leave out the system column; use the primary key',
      placeAt(survey.systemColumn.location),
    )
  }
  if (survey.hasCurrentOf) {
    return impossible('a cursor over masked rows has no current row to change', 'name the row by its key in WHERE')
  }
  return null
}

type Queries = (masked: MaskedRelation, isOnly: boolean) => MaskedQuery | Impossible

/**
 * The queries that a rewriter has written, by the list of masked columns that each is for. A policy makes one such list
 * for a relation of a catalog, and another policy or catalog makes another.
 */
export type QueryMemory = WeakMap<MaskedRelation['columns'], readonly WrittenQuery[]>

interface WrittenQuery {
  readonly relation: MaskedRelation['relation']
  readonly isOnly: boolean
  readonly maskSql: MaskSql
  readonly grammar: Grammar
  readonly query: MaskedQuery | Impossible
}

/** Writes each query once, however often its relation is read. */
function queryMaker({ maskSql, grammar, memory }: Input): Queries {
  return (masked, isOnly) => {
    const { relation, columns } = masked
    const written = memory.get(columns) ?? []
    const known = written.find(
      one => one.relation === relation && one.isOnly === isOnly && one.maskSql === maskSql && one.grammar === grammar,
    )
    if (known !== undefined) return known.query
    const query = maskedQuery(masked, isOnly, maskSql, grammar)
    memory.set(columns, [...written, { relation, isOnly, maskSql, grammar, query }].slice(-WRITTEN_MAX))
    return query
  }
}

/** With and without ONLY, for a policy that two grammars read for a while. */
const WRITTEN_MAX = 4

function planCopy(input: Input, range: Range, masked: MaskedRelation, queries: Queries): Change | Impossible {
  const place = placeAt(range.location)
  const relation = input.catalog.relations.get(relationKey(masked.relation))
  const listed = nameParts(input.statement.body, 'attlist')
  const hint = `write COPY (SELECT … FROM ${range.name}) TO STDOUT`
  // COPY shows the rows of the table alone, without those of its partitions and children.
  if (relation === undefined || relation.kind !== 'table' || hasFamily(relation)) {
    return impossible(`which rows COPY shows of \`${range.name}\` depends on more than its masks`, hint, place)
  }
  const { generated } = relation
  if (listed.length === 0 && generated === undefined) {
    return impossible(`which columns COPY shows of \`${range.name}\` is not known`, hint, place)
  }
  const all = relation.columns.map(({ name }) => name).filter(name => generated?.has(name) !== true)
  const query = queries(masked, true)
  if (query.kind === 'impossible') return query
  const columns = listed.length === 0 ? all : listed
  const parse = (text: string) => onlySelect(text, input.grammar)
  return changeCopy(range, input.statement.body, query, columns, input.cursor, parse)
}

const hasFamily = (relation: CatalogRelation): boolean =>
  relation.columns.some(({ origins }) => origins.some(origin => relationKey(origin) !== relationKey(relation)))

/** References that name the schema of a rewritten relation, where the relation's bare name says the same. */
function planReferences(
  { survey, facts, cursor }: Input,
  rewritten: ReadonlyMap<Range, MaskedRelation>,
): readonly (Change | Impossible)[] {
  const uses = usesByPlace(facts.uses)
  return survey.references.flatMap(reference => {
    const meant = [...rewritten].find(
      ([range, { relation }]) =>
        range.alias === null && relation.name === reference.name && relation.schema === reference.schema,
    )?.[1]
    if (meant === undefined) return []
    const isUnambiguous =
      !survey.otherNames.has(reference.name) &&
      survey.ranges.every(range => {
        if ((range.alias ?? range.name) !== reference.name) return true
        const [use] = uses.get(range.location) ?? []
        return range.alias === null && use !== undefined && relationKey(use.relation) === relationKey(meant.relation)
      })
    if (!isUnambiguous) {
      return impossible(
        `\`${reference.schema}.${reference.name}\` is written out in a column's name, and \`${reference.name}\` alone is not clear`,
        'give the relation an alias, and qualify its columns with that',
        placeAt(reference.location),
      )
    }
    return changeReference(reference, cursor)
  })
}
