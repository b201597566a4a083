import type { Grammar } from './engine.ts'
import { lex } from './lex.ts'
import { flagAt, type Node, nodeAt, nodesAt, numberAt, type TypedNode, textAt, typedAt, typedNode } from './node.ts'
import { replaceNodes } from './rewrite/edits.ts'
import { isSameTree } from './rewrite/same-tree.ts'

/** A name in a statement's text, cut out of it so that another can be put in its place. */
export interface NameInText {
  /** As the server reads it: folded, unescaped, cut to 63 bytes. */
  readonly name: string
  /** The text before it. */
  readonly before: string
  /** The name as it is written. */
  readonly written: string
}

/**
 * What a statement does with prepared statements, cursors and savepoints: with the objects of a session that a client
 * names. Which object a name means is for whoever keeps the names to say.
 */
export type SessionCommand =
  /** `query`: what it makes ready, and what comes before that. */
  | { readonly kind: 'prepare'; readonly at: NameInText; readonly before: string; readonly query: string }
  /** `values`: of its arguments, or null where one of them is more than a constant. */
  | { readonly kind: 'execute'; readonly at: NameInText; readonly values: readonly (string | null)[] | null }
  | { readonly kind: 'declare'; readonly at: NameInText; readonly isHold: boolean; readonly isBinary: boolean }
  | { readonly kind: 'fetch'; readonly at: NameInText; readonly isMove: boolean }
  | { readonly kind: 'close' | 'deallocate'; readonly at: NameInText }
  /** UPDATE or DELETE … WHERE CURRENT OF. */
  | { readonly kind: 'current-of'; readonly at: NameInText }
  | { readonly kind: 'close-all' | 'deallocate-all' }
  | { readonly kind: 'savepoint' | 'release' | 'rollback-to'; readonly name: string }
  /** Whether it commits or rolls back is only known once it has. */
  | { readonly kind: 'end-transaction' }
  /** It names an object in a way that is not followed. */
  | { readonly kind: 'unclear' }

/** Whether a statement may name objects of its session: only then is it worth a look. */
export const mayNameObjects = ({ type }: TypedNode, text: string): boolean =>
  type === 'TransactionStmt' || type in NAME_FIELDS || CURRENT_OF.test(text)

/**
 * Reads what a statement does with named objects of its session; null for statements that name none. `text` is the
 * statement by itself, without comments.
 */
export function readSessionCommand(statement: TypedNode, text: string, grammar: Grammar): SessionCommand | null {
  if (!mayNameObjects(statement, text)) return null
  const { type, body } = statement
  switch (type) {
    case 'TransactionStmt':
      return transactionCommand(body)
    case 'ClosePortalStmt':
      if (textAt(body, 'portalname') === '') return { kind: 'close-all' }
      break
    case 'DeallocateStmt':
      if (textAt(body, 'name') === '') return { kind: 'deallocate-all' }
      break
  }
  const mention = mentionOf(statement)
  if (mention === 'none') return null
  const at = mention === 'unclear' ? null : nameIn(statement, mention, text, grammar)
  return at === null ? UNCLEAR : (commandOf(statement, at, text, grammar) ?? UNCLEAR)
}

const UNCLEAR: SessionCommand = { kind: 'unclear' }

/**
 * A text with another name in the place of the one that was read, or null where the text isn't the one that was read, up
 * to and with the name. Behind it a text may have been rewritten.
 *
 * @example
 * withName(command.at, 'fetch 2 from C', 'qw_7') // 'fetch 2 from "qw_7"'
 */
export function withName({ before, written }: NameInText, text: string, name: string): string | null {
  const read = `${before}${written}`
  return text.startsWith(read) ? `${before}${quoted(name)}${text.slice(read.length)}` : null
}

/** In quotes: bare, it could run into the word behind a name that was in quotes. */
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const NAME_FIELDS: Readonly<Record<string, string>> = {
  PrepareStmt: 'name',
  ExecuteStmt: 'name',
  DeclareCursorStmt: 'portalname',
  FetchStmt: 'portalname',
  ClosePortalStmt: 'portalname',
  DeallocateStmt: 'name',
}

/** Both are keywords, which can't be written in any other way, and no comment is left between them. */
const CURRENT_OF = /current\s+of/i

/** The node that holds the name, and the field. */
interface Mention {
  readonly node: Node
  readonly field: string
}

function mentionOf({ type, body }: TypedNode): Mention | 'none' | 'unclear' {
  const cursors = countCurrentOf(body)
  const field = NAME_FIELDS[type]
  if (field !== undefined) return cursors === 0 ? { node: body, field } : 'unclear'
  if (cursors === 0) return 'none'
  const where = typedAt(body, 'whereClause')
  const isTarget = (type === 'UpdateStmt' || type === 'DeleteStmt') && where?.type === 'CurrentOfExpr'
  return isTarget && cursors === 1 ? { node: where.body, field: 'cursor_name' } : 'unclear'
}

/** How often a cursor's row is named anywhere in a tree. */
function countCurrentOf(tree: unknown): number {
  let count = 0
  const pending: unknown[] = [tree]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if ('CurrentOfExpr' in next) count += 1
    for (const held of Object.values(next)) if (typeof held === 'object') pending.push(held)
  }
  return count
}

/** Nobody's name: stands in for the name that was read, to see whether the text then reads as it should. */
const PROBE = 'qw_0'

/** Finds the name in the text. Null unless putting another in its place changes that name in the tree and nothing else. */
function nameIn(statement: TypedNode, mention: Mention, text: string, grammar: Grammar): NameInText | null {
  const stretch = stretchOf(statement.type, text)
  if (stretch === null) return null
  const { node, field } = mention
  const at = {
    name: textAt(node, field),
    before: text.slice(0, stretch.start),
    written: text.slice(stretch.start, stretch.end),
  }
  const meant = replaceNodes(statement.body, new Map([[node, { ...node, [field]: PROBE }]]))
  const isRead = isOneStatement(grammar, withName(at, text, PROBE) ?? '', statement.type, meant)
  return isRead && at.name !== '' ? at : null
}

const isOneStatement = (grammar: Grammar, text: string, type: string, body: unknown): boolean => {
  const outcome = grammar.parse(text)
  const [statement, second] = outcome.kind === 'parsed' ? outcome.statements : []
  return statement?.type === type && second === undefined && isSameTree(statement.body, body)
}

interface Stretch {
  readonly start: number
  readonly end: number
}

function stretchOf(type: string, text: string): Stretch | null {
  const tokens = solidTokens(text)
  const first = nameIndex(type, tokens, text)
  // U&"…" UESCAPE '…'
  const last = wordAt(tokens, first + 1, text) === 'uescape' && tokens[first + 2]?.kind === 'string' ? first + 2 : first
  const [from, to] = [tokens[first], tokens[last]]
  return from === undefined || to === undefined ? null : { start: from.start, end: to.end }
}

/** The name comes second in some statements, behind CURRENT OF in others, and in all else it is the last word. */
function nameIndex(type: string, tokens: ReturnType<typeof solidTokens>, text: string): number {
  const last = tokens.length - 1
  switch (type) {
    case 'PrepareStmt':
    case 'ExecuteStmt':
    case 'DeclareCursorStmt':
      return 1
    case 'FetchStmt':
    case 'ClosePortalStmt':
    case 'DeallocateStmt':
      return wordAt(tokens, last - 1, text) === 'uescape' && tokens[last]?.kind === 'string' ? last - 2 : last
    default: {
      const isOf = (at: number): boolean =>
        wordAt(tokens, at, text) === 'current' && wordAt(tokens, at + 1, text) === 'of'
      return tokens.findLastIndex((_, at) => isOf(at)) + 2
    }
  }
}

const solidTokens = (text: string) => lex(text).filter(({ kind }) => kind !== 'space')

function wordAt(tokens: ReturnType<typeof solidTokens>, at: number, text: string): string | null {
  const token = tokens[at]
  return token?.kind === 'word' ? text.slice(token.start, token.end).toLowerCase() : null
}

function commandOf({ type, body }: TypedNode, at: NameInText, text: string, grammar: Grammar): SessionCommand | null {
  switch (type) {
    case 'PrepareStmt': {
      const start = queryStart(text)
      const query = typedAt(body, 'query')
      if (start === null || query === null) return null
      const command = { kind: 'prepare', at, before: text.slice(0, start), query: text.slice(start) } as const
      return isOneStatement(grammar, command.query, query.type, query.body) ? command : null
    }
    case 'ExecuteStmt':
      return { kind: 'execute', at, values: constantsOf(body) }
    case 'DeclareCursorStmt': {
      const options = numberAt(body, 'options')
      return { kind: 'declare', at, isHold: (options & CURSOR_HOLD) !== 0, isBinary: (options & CURSOR_BINARY) !== 0 }
    }
    case 'FetchStmt':
      return { kind: 'fetch', at, isMove: flagAt(body, 'ismove') }
    case 'ClosePortalStmt':
      return { kind: 'close', at }
    case 'DeallocateStmt':
      return { kind: 'deallocate', at }
    default:
      return { kind: 'current-of', at }
  }
}

/** CURSOR_OPT_BINARY and CURSOR_OPT_HOLD of parsenodes.h, the same in all majors on board. */
const CURSOR_BINARY = 0x01
const CURSOR_HOLD = 0x20

/** Where the query of `PREPARE name [(types)] AS query` begins. */
function queryStart(text: string): number | null {
  const tokens = solidTokens(text)
  const textOf = (at: number): string => text.slice(tokens[at]?.start ?? text.length, tokens[at]?.end)
  let at = wordAt(tokens, 2, text) === 'uescape' ? 4 : 2
  if (textOf(at) === '(') {
    let depth = 0
    do {
      const mark = textOf(at)
      if (mark === '(') depth += 1
      else if (mark === ')') depth -= 1
      at += 1
    } while (depth > 0 && at < tokens.length)
  }
  return wordAt(tokens, at, text) === 'as' ? (tokens[at + 1]?.start ?? null) : null
}

/** The values of an EXECUTE's arguments, or null where one isn't a constant: nothing judges what it would compute. */
function constantsOf(execute: Node): readonly (string | null)[] | null {
  const values: (string | null)[] = []
  for (const param of nodesAt(execute, 'params')) {
    const value = constantOf(typedNode(param))
    if (value === undefined) return null
    values.push(value)
  }
  return values
}

/** What a constant is worth as text, `undefined` for anything else. A cast is told, since it may change the value. */
function constantOf(typed: TypedNode | null): string | null | undefined {
  if (typed?.type === 'TypeCast') {
    const type = builtInType(nodeAt(typed.body, 'typeName'))
    const value = constantOf(typedAt(typed.body, 'arg'))
    if (type === null || value === undefined || value === null)
      return value === null && type !== null ? null : undefined
    return `'${value.replaceAll("'", "''")}'::${type}`
  }
  if (typed?.type !== 'A_Const') return undefined
  const { body } = typed
  if (flagAt(body, 'isnull')) return null
  const [integer, decimal] = [nodeAt(body, 'ival'), nodeAt(body, 'fval')]
  if (integer !== null) return String(numberAt(integer, 'ival'))
  if (decimal !== null) return textAt(decimal, 'fval')
  const [flag, string] = [nodeAt(body, 'boolval'), nodeAt(body, 'sval')]
  if (flag !== null) return String(flagAt(flag, 'boolval'))
  return string === null ? undefined : textAt(string, 'sval')
}

/** Types whose input computes and does nothing else. A bare name is the server's: pg_catalog is searched first. */
const PLAIN_TYPES: ReadonlySet<string> = new Set(
  `bool int2 int4 int8 float4 float8 numeric text varchar bpchar bytea date time timetz timestamp timestamptz interval
  uuid json jsonb oid`.split(/\s+/),
)

function builtInType(type: Node | null): string | null {
  if (type === null || 'typmods' in type || 'setof' in type || 'pct_type' in type) return null
  const names = nodesAt(type, 'names').map(part => textAt(nodeAt(part, 'String') ?? {}, 'sval'))
  const name = names.at(-1) ?? ''
  const isBuiltIn = names.length === 1 || (names.length === 2 && names[0] === 'pg_catalog')
  return isBuiltIn && PLAIN_TYPES.has(name) ? `${name}${'[]'.repeat(nodesAt(type, 'arrayBounds').length)}` : null
}

function transactionCommand(statement: Node): SessionCommand | null {
  const name = textAt(statement, 'savepoint_name')
  switch (textAt(statement, 'kind')) {
    case 'TRANS_STMT_SAVEPOINT':
      return { kind: 'savepoint', name }
    case 'TRANS_STMT_RELEASE':
      return { kind: 'release', name }
    case 'TRANS_STMT_ROLLBACK_TO':
      return { kind: 'rollback-to', name }
    case 'TRANS_STMT_COMMIT':
    case 'TRANS_STMT_ROLLBACK':
    case 'TRANS_STMT_PREPARE':
      return { kind: 'end-transaction' }
    default:
      return null
  }
}
