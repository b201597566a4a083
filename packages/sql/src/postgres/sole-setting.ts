import type { Catalog } from '@querywarden/policy-core'
import { type Node, nameParts, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'
import { constantText } from './settings.ts'

/**
 * What is sent when a client empties its search path, and answered as the server would answer the client. Without
 * pg_temp at the end it would come first, before pg_catalog even (manual, 20.11.1), and a session's own relations would
 * stand in for the server's.
 */
export const SEND_FOR_EMPTY_PATH =
  "SELECT ''::pg_catalog.text AS set_config FROM pg_catalog.set_config('search_path', 'pg_temp', false)"

/**
 * What is sent in place of a statement in a session without a search path, where pg_temp must not show; null for all but
 * the one that pg_dump asks, to write the answer into the dump.
 */
export const sendWithoutPath = (text: string): string | null =>
  /^\s*select\s+pg_catalog\.current_schemas\(false\)\s*;?\s*$/i.test(text)
    ? "SELECT '{}'::pg_catalog.name[] AS current_schemas"
    : null

/** One setting that a statement changes, for the rest of the session, and nothing else that it does. */
export interface SoleSetting {
  readonly name: string
  readonly value: string
}

/** Whether what a statement sets leaves the session without a search path, so that every name must be qualified. */
export const emptiesSearchPath = (setting: SoleSetting | null): boolean =>
  setting?.name === 'search_path' && setting.value === ''

/**
 * The one setting that a statement is about: `SELECT set_config('NAME', 'VALUE', false)`, or the same of the row of
 * pg_settings that has the name, which is how pg_dump sets what older servers don't know. Null for all else.
 */
export function soleSetting({ type, body }: TypedNode, catalog: Catalog): SoleSetting | null {
  if (type !== 'SelectStmt' || !holdsOnly(body, ['targetList', 'fromClause', 'whereClause', 'limitOption', 'op']))
    return null
  const [target, second] = typedNodesAt(body, 'targetList')
  if (target?.type !== 'ResTarget' || second !== undefined || !holdsOnly(target.body, ['val', 'location'])) return null
  const args = argumentsOfSetConfig(typedAt(target.body, 'val'), catalog)
  if (args === null) return null
  const [first, value, isLocal] = args
  const isFromTable = typedNodesAt(body, 'fromClause').length > 0 || typedAt(body, 'whereClause') !== null
  const name = isFromTable ? nameOfRow(first, body, catalog) : literal(first)
  const text = literal(value)
  if (name === null || text === null || literal(isLocal) !== 'false') return null
  return { name: name.toLowerCase(), value: text }
}

function argumentsOfSetConfig(call: TypedNode | null, catalog: Catalog): readonly TypedNode[] | null {
  if (call?.type !== 'FuncCall' || !holdsOnly(call.body, ['funcname', 'args', 'funcformat', 'location'])) return null
  const parts = nameParts(call.body, 'funcname')
  const isBuiltIn = parts.length === 2 ? parts[0] === 'pg_catalog' : !catalog.userFunctions.has('set_config')
  const args = typedNodesAt(call.body, 'args')
  return isBuiltIn && parts.at(-1) === 'set_config' && args.length === 3 ? args : null
}

/** The literal in `set_config(name, …) FROM pg_settings WHERE name = 'literal'`. A bare pg_settings is the server's. */
function nameOfRow(argument: TypedNode | undefined, select: Node, catalog: Catalog): string | null {
  const [settings, more] = typedNodesAt(select, 'fromClause')
  const isSettings =
    settings?.type === 'RangeVar' &&
    more === undefined &&
    holdsOnly(settings.body, ['schemaname', 'relname', 'inh', 'relpersistence', 'location']) &&
    ['', 'pg_catalog'].includes(textAt(settings.body, 'schemaname')) &&
    textAt(settings.body, 'relname') === 'pg_settings'
  const where = typedAt(select, 'whereClause')
  const isComparison =
    where?.type === 'A_Expr' &&
    holdsOnly(where.body, ['kind', 'name', 'lexpr', 'rexpr', 'location']) &&
    nameParts(where.body, 'name').join(' ') === '=' &&
    !catalog.userOperators.has('=')
  if (!isSettings || !isComparison || !isName(argument) || !isName(typedAt(where.body, 'lexpr'))) return null
  return literal(typedAt(where.body, 'rexpr'))
}

const isName = (typed: TypedNode | null | undefined): boolean =>
  typed?.type === 'ColumnRef' && nameParts(typed.body, 'fields').join(' ') === 'name'

const literal = (typed: TypedNode | null | undefined): string | null =>
  typed?.type === 'A_Const' ? constantText(typed) : null

/** Whether a node has no field but these, and says nothing out of the ordinary in those that hold a word. */
const holdsOnly = (node: Node, fields: readonly string[]): boolean =>
  Object.keys(node).every(field => fields.includes(field)) &&
  PLAIN.every(([field, word]) => textAt(node, field) === '' || textAt(node, field) === word)

const PLAIN = [
  ['limitOption', 'LIMIT_OPTION_DEFAULT'],
  ['op', 'SETOP_NONE'],
  ['funcformat', 'COERCE_EXPLICIT_CALL'],
  ['kind', 'AEXPR_OP'],
] as const
