import { flagAt, type Node, nameParts, nodesAt } from '../node.ts'
import type { Edit } from './edits.ts'
import { extentOf, nameAt } from './extent.ts'
import { disagreement, type Impossible, impossible, placeAt } from './impossible.ts'
import type { MaskedQuery } from './masked-query.ts'
import { quoteName } from './quote.ts'
import type { QualifiedReference, Range } from './survey.ts'
import { dottedName, type TextCursor } from './text-cursor.ts'

/** A change of the text and of the tree that must come to the same. */
export interface Change {
  readonly kind: 'change'
  readonly edit: Edit
  /** The body of the node that is replaced, and what comes in its place. */
  readonly node: Node
  readonly by: unknown
}

/** Puts a query in a relation's place, under the alias that it had, or else under its own name. */
export function changeRange(range: Range, query: MaskedQuery, cursor: TextCursor): Change | Impossible {
  const place = placeAt(range.location)
  const extent = extentOf(cursor, range.node, range.location)
  if (extent === null) return disagreement('a relation is not where the grammar says it is', place)
  const before = extent.isTableCommand ? 'SELECT * FROM ' : ''
  const after = range.alias === null ? ` AS ${quoteName(range.name)}` : ''
  const { alias = { aliasname: range.name } } = range.node
  return {
    kind: 'change',
    edit: { start: extent.start, end: extent.end, text: `${before}(${query.text})${after}` },
    node: range.node,
    by: { RangeSubselect: { subquery: query.node, alias } },
  }
}

/** Names the schema of a relation of the server's own, so that no WITH query around it goes by its name. */
export function qualifySystems(range: Range, cursor: TextCursor): Change | Impossible {
  const name = nameAt(cursor, range.node, range.location)
  const first = name?.parts[0]
  if (first === undefined)
    return disagreement('a relation is not where the grammar says it is', placeAt(range.location))
  const start = cursor.startOf(first)
  return {
    kind: 'change',
    edit: { start, end: start, text: 'pg_catalog.' },
    node: range.node,
    by: { RangeVar: { ...range.node, schemaname: 'pg_catalog' } },
  }
}

/** A subquery has no schema: `schema.relation.column` becomes `relation.column`. */
export function changeReference(reference: QualifiedReference, cursor: TextCursor): Change | Impossible {
  const place = placeAt(reference.location)
  const from = cursor.at(reference.location)
  const name = from === null ? null : dottedName(cursor, from)
  const column = name?.parts[reference.qualifiers]
  const first = name?.parts[0]
  const fields = nodesAt(reference.node, 'fields')
  if (first === undefined || column === undefined || name?.parts.length !== fields.length) {
    return disagreement('a column is not where the grammar says it is', place)
  }
  return {
    kind: 'change',
    edit: { start: cursor.startOf(first), end: cursor.startOf(column), text: `${quoteName(reference.name)}.` },
    node: reference.node,
    by: { ...reference.node, fields: fields.slice(reference.qualifiers - 1) },
  }
}

/**
 * COPY of a table becomes COPY of a query. `columns` are those that COPY shows; the query must be of the table ONLY, as
 * COPY's rows are.
 */
export function changeCopy(
  range: Range,
  copy: Node,
  query: MaskedQuery,
  columns: readonly string[],
  cursor: TextCursor,
  parse: (text: string) => Node | null,
): Change | Impossible {
  const place = placeAt(range.location)
  const name = nameAt(cursor, range.node, range.location)
  const first = name?.parts[0]
  if (name === null || first === undefined) return disagreement('a relation is not where the grammar says it is', place)
  if (cursor.wordAt(first - 1) === 'binary') {
    return impossible('COPY BINARY can not take a query', 'write COPY … TO STDOUT (FORMAT binary)', place)
  }
  const listed = nameParts(copy, 'attlist')
  let after = name.after
  if (listed.length > 0) {
    while (cursor.textOf(after) !== ')' && cursor.textOf(after) !== '') after += 1
    after += 1
  }
  if (cursor.wordAt(after) !== 'to' || flagAt(copy, 'is_from')) {
    return disagreement('COPY does not read as it was meant', place)
  }
  const text = `SELECT ${columns.map(quoteName).join(', ')} FROM (${query.text}) AS ${quoteName(range.name)}`
  const select = parse(text)
  if (select === null) return disagreement('the query for COPY does not read as it was meant', place)
  const { relation: _, attlist: __, ...rest } = copy
  return {
    kind: 'change',
    edit: { start: cursor.startOf(first), end: cursor.endOf(after - 1), text: `(${text})` },
    node: copy,
    by: { ...rest, query: { SelectStmt: select } },
  }
}
