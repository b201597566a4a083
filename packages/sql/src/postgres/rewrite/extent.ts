import { flagAt, type Node, textAt } from '../node.ts'
import { type DottedName, dottedName, type TextCursor } from './text-cursor.ts'

/** Where a relation expression stands in the text, in UTF-8 bytes: ONLY, name and star, but not the alias. */
export interface Extent {
  readonly start: number
  readonly end: number
  /** Whether it is the whole of a `TABLE name` command, whose word TABLE the extent takes in. */
  readonly isTableCommand: boolean
  /** The index of the first token behind it. */
  readonly after: number
}

/** Finds a relation's name in the text, held against how many parts the tree says it has. */
export function nameAt(cursor: TextCursor, range: Node, location: number): DottedName | null {
  const from = cursor.at(location)
  const name = from === null ? null : dottedName(cursor, from)
  const expected = ['catalogname', 'schemaname', 'relname'].filter(field => textAt(range, field) !== '').length
  return name !== null && name.parts.length === expected ? name : null
}

/** relation_expr in gram.y: `name`, `name *`, `ONLY name`, `ONLY (name)`. Null where the text doesn't fit the tree. */
export function extentOf(cursor: TextCursor, range: Node, location: number): Extent | null {
  const name = nameAt(cursor, range, location)
  const from = cursor.at(location)
  if (name === null || from === null) return null
  let first = from
  let after = name.after
  if (flagAt(range, 'inh')) {
    if (cursor.textOf(after) === '*') after += 1
  } else if (cursor.wordAt(first - 1) === 'only') {
    first -= 1
  } else if (cursor.textOf(first - 1) === '(' && cursor.wordAt(first - 2) === 'only' && cursor.textOf(after) === ')') {
    first -= 2
    after += 1
  } else return null
  // TABLE is reserved: right before a relation that is read it can only be the command.
  const isTableCommand = cursor.wordAt(first - 1) === 'table'
  if (isTableCommand) first -= 1
  return { start: cursor.startOf(first), end: cursor.endOf(after - 1), isTableCommand, after }
}
