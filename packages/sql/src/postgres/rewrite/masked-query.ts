import type { CatalogRelation, Mask, MaskedRelation, MaskSql, UsedColumn, UsedRelation } from '@querywarden/policy-core'
import type { Grammar } from '../engine.ts'
import { lex } from '../lex.ts'
import { type Node, nameParts, nodeAt, textAt, typedAt, typedNodesAt } from '../node.ts'
import { disagreement, type Impossible } from './impossible.ts'
import { readsOnly } from './mask-reads.ts'
import { quoteName, quoteRelation } from './quote.ts'
import { isSameTree } from './same-tree.ts'

/** What stands in for a relation: a query that selects all its columns, with masks in place of those that have one. */
export interface MaskedQuery {
  readonly kind: 'query'
  /** Without parentheses. */
  readonly text: string
  /** Its SelectStmt, as `{ "SelectStmt": … }`. */
  readonly node: Node
}

/** The relation's name inside its query. Nothing outside can see it, and inside nothing else has a name. */
export const INNER = 'qw'

/** A column inside a masked query, as its mask is to refer to it. */
export const maskReference = ({ name }: Pick<UsedColumn, 'name'>): string => `${quoteName(INNER)}.${quoteName(name)}`

/** What a masked query selects from: all that follows FROM, as text and as the tree that it must come to. */
export interface Source {
  readonly text: string
  /** Fields of the SelectStmt besides those of its columns. */
  readonly fields: Node
}

/** Writes the query for a relation. `isOnly` leaves out the rows of partitions and children. */
export function maskedQuery(
  { relation, columns }: MaskedRelation,
  isOnly: boolean,
  maskSql: MaskSql,
  grammar: Grammar,
): MaskedQuery | Impossible {
  const source = { text: sourceText(relation, isOnly), fields: { fromClause: [sourceNode(relation, isOnly)] } }
  return queryOver({ relation, columns }, source, () => null, maskSql, grammar)
}

export const sourceText = (relation: UsedRelation | CatalogRelation, isOnly: boolean): string =>
  `${isOnly ? 'ONLY ' : ''}${quoteRelation(relation)} AS ${quoteName(INNER)}`

export const sourceNode = (relation: UsedRelation | CatalogRelation, isOnly: boolean): Node => ({
  RangeVar: {
    schemaname: relation.schema,
    relname: relation.name,
    ...(isOnly ? {} : { inh: true }),
    relpersistence: 'p',
    alias: { aliasname: INNER },
  },
})

/**
 * Writes a query of a relation's columns over anything that has them under the name `qw`. `expressionFor` gives what stands
 * for a column without a mask, as SQL over that column alone; null for the column itself.
 */
export function queryOver(
  { relation, columns }: MaskedRelation,
  source: Source,
  expressionFor: (column: UsedColumn) => string | null,
  maskSql: MaskSql,
  grammar: Grammar,
): MaskedQuery | Impossible {
  const masks = new Map(columns.map(masked => [masked.column.name, masked.mask]))
  if ([...masks.keys()].some(name => !relation.columns.some(column => column.name === name))) {
    return disagreement('a mask is on a column that its relation does not have')
  }
  const items: string[] = []
  const expressions: (Node | null)[] = []
  for (const column of relation.columns) {
    const sql = sqlFor(column, masks.get(column.name), expressionFor, maskSql)
    if (sql === null) {
      items.push(maskReference(column))
      expressions.push(null)
      continue
    }
    const expression = expressionOf(sql, column.name, grammar)
    if (expression === null)
      return disagreement(`the mask of ${quoteName(column.name)} is not an expression of that column`)
    items.push(`${sql} AS ${quoteName(column.name)}`)
    expressions.push(expression)
  }
  const text = `SELECT ${items.join(', ')} FROM ${source.text}`
  const select = onlySelect(text, grammar)
  return select !== null && isAsMeant(select, relation, expressions, source.fields)
    ? { kind: 'query', text, node: { SelectStmt: select } }
    : disagreement('the query with the masks in it does not read as it was meant')
}

const sqlFor = (
  column: UsedColumn,
  mask: Mask | undefined,
  expressionFor: (column: UsedColumn) => string | null,
  maskSql: MaskSql,
): string | null => (mask === undefined ? expressionFor(column) : maskSql(mask, column, maskReference(column)))

/** The one SELECT that a text is, or null. Comments are none of ours, and parse differently next to literals. */
export function onlySelect(text: string, grammar: Grammar): Node | null {
  if (lex(text).some(({ kind }) => kind === 'line-comment' || kind === 'block-comment' || kind === 'broken'))
    return null
  const outcome = grammar.parse(text)
  if (outcome.kind !== 'parsed' || outcome.statements.length !== 1) return null
  const [statement] = outcome.statements
  return statement?.type === 'SelectStmt' && statement.end === Buffer.byteLength(text) ? statement.body : null
}

/** A mask as a tree of its own: one expression that reads nothing but its column. Null for anything else. */
export function expressionOf(sql: string, column: string, grammar: Grammar): Node | null {
  const select = onlySelect(`SELECT ${sql} AS x`, grammar)
  const targets = select === null ? [] : typedNodesAt(select, 'targetList')
  const value = targets.length === 1 && targets[0] !== undefined ? nodeAt(targets[0].body, 'val') : null
  if (select === null || value === null || !isSameTree(select, bareSelect(select))) return null
  return readsOnly(targets, { name: INNER, column }) ? value : null
}

/** What a SELECT is without FROM, WHERE and all the rest. */
const bareSelect = ({ targetList, limitOption, op }: Node): Node => ({ targetList, limitOption, op })

const isColumn = (reference: Node, column: string): boolean => {
  const parts = nameParts(reference, 'fields')
  return typedNodesAt(reference, 'fields').length === 2 && parts[0] === INNER && parts[1] === column
}

/** Holds the parsed query against the catalog: column by column, name by name, from this source and nowhere else. */
function isAsMeant(
  select: Node,
  relation: UsedRelation | CatalogRelation,
  expressions: readonly (Node | null)[],
  source: Node,
): boolean {
  const targets = typedNodesAt(select, 'targetList')
  if (targets.length !== relation.columns.length) return false
  const areColumns = relation.columns.every(({ name }, at) => {
    const target = targets[at]
    const expression = expressions[at]
    if (target === undefined || expression === undefined) return false
    if (expression !== null)
      return textAt(target.body, 'name') === name && isSameTree(nodeAt(target.body, 'val'), expression)
    const value = typedAt(target.body, 'val')
    return textAt(target.body, 'name') === '' && value?.type === 'ColumnRef' && isColumn(value.body, name)
  })
  return areColumns && isSameTree(select, { ...bareSelect(select), ...source })
}
