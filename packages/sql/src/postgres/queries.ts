import { useOperator } from './calls.ts'
import { type Context, type RangeEntry, READ, type Scope, useStatement, type Visitor } from './context.ts'
import {
  flagAt,
  type Node,
  nameParts,
  nodeAt,
  stringOf,
  type TypedNode,
  textAt,
  typedAt,
  typedNodesAt,
} from './node.ts'
import type { NodesRuled } from './node-rules.ts'
import { addRange, isCte, noteRenaming, touchRange } from './relations.ts'

/**
 * Walks the WITH clause of a statement and gives the scope of its body. Each query sees those before it; under
 * RECURSIVE, all of them (transformWithClause in parse_cte.c).
 */
export function enterWith(context: Context, statement: Node, outer: Scope): Scope {
  const clause = nodeAt(statement, 'withClause')
  const scope: Scope = { ...outer, relations: 'select' }
  if (clause === null) return scope
  const queries = typedNodesAt(clause, 'ctes')
  const names = queries.map(({ body }) => textAt(body, 'ctename'))
  let seen: Scope = flagAt(clause, 'recursive') ? { ...scope, ctes: new Set([...scope.ctes, ...names]) } : scope
  for (const query of queries) {
    context.visitFields(query, seen)
    seen = { ...seen, ctes: new Set([...seen.ctes, textAt(query.body, 'ctename')]) }
  }
  return seen
}

const visitSelect: Visitor = (context, select, outer, typed) => {
  const scope = enterWith(context, select, outer)
  if (nodeAt(select, 'intoClause') !== null) useStatement(context, 'write', 'fills a new table', context.places.whole)
  noteStar(context, select)
  const locks = typedNodesAt(select, 'lockingClause')
  if (locks.length > 0) lockRows(context, select, locks, scope)
  context.visitFields(typed, scope, ['withClause'])
}

/** `*` is all columns of the relations in this FROM, and of none that a subquery there reads. */
function noteStar(context: Context, select: Node): void {
  for (const { body: target } of typedNodesAt(select, 'targetList')) {
    const value = typedAt(target, 'val')
    const fields = value?.type === 'ColumnRef' ? typedNodesAt(value.body, 'fields') : []
    if (value === null || fields.length !== 1 || fields[0]?.type !== 'A_Star') continue
    const names = typedNodesAt(select, 'fromClause').flatMap(relationNames)
    context.selectStars.set(context.places.of(value.body).start, names)
  }
}

/** The names that the relations of a FROM item go by, through joins. */
function relationNames({ type, body }: TypedNode): readonly string[] {
  const alias = nodeAt(body, 'alias')
  if (type === 'RangeVar') return [alias === null ? textAt(body, 'relname') : textAt(alias, 'aliasname')]
  return ['larg', 'rarg', 'relation'].flatMap(field => {
    const item = type === 'JoinExpr' || type === 'RangeTableSample' ? typedAt(body, field) : null
    return item === null ? [] : relationNames(item)
  })
}

/** FOR UPDATE and FOR SHARE lock the rows of the relations named, or of all in FROM, subqueries included. */
function lockRows(context: Context, select: Node, locks: readonly TypedNode[], scope: Scope): void {
  const named = locks.map(({ body }) => typedNodesAt(body, 'lockedRels').map(rel => textAt(rel.body, 'relname')))
  const isLocked = (alias: string): boolean => named.some(names => names.length === 0 || names.includes(alias))
  let noted = 0
  const note = (item: TypedNode): void => {
    if (item.type === 'RangeVar') {
      const alias = nodeAt(item.body, 'alias')
      const name = alias === null ? textAt(item.body, 'relname') : textAt(alias, 'aliasname')
      if (isCte(item.body, scope) || !isLocked(name)) return
      touchRange(context, item.body, { access: 'lock', effect: 'write', unbounded: false })
      noted += 1
    } else if (item.type === 'JoinExpr') for (const side of ['larg', 'rarg']) noteAt(item.body, side)
    else if (item.type === 'RangeTableSample') noteAt(item.body, 'relation')
    else if (item.type === 'RangeSubselect') {
      const query = typedAt(item.body, 'subquery')
      if (query !== null) for (const inner of typedNodesAt(query.body, 'fromClause')) note(inner)
    }
  }
  const noteAt = (node: Node, field: string): void => {
    const item = typedAt(node, field)
    if (item !== null) note(item)
  }
  for (const item of typedNodesAt(select, 'fromClause')) note(item)
  if (noted === 0) useStatement(context, 'write', 'locks rows', context.places.whole)
}

/** A relation where rows are read, or a WITH query, which was walked where it stands. */
const visitRange: Visitor = (context, range, scope) => {
  if (isCte(range, scope)) addRange(context, range, { kind: 'record', columns: new Set(aliasColumns(range)) })
  else if (scope.relations === 'ddl') touchRange(context, range, { access: 'ddl', effect: 'ddl', unbounded: false })
  else touchRange(context, range, READ)
}

const aliasColumns = (item: Node): readonly string[] => {
  const alias = nodeAt(item, 'alias')
  return alias === null ? [] : nameParts(alias, 'colnames')
}

/** A subquery, function or table expression in FROM, under its alias. */
const visitRangeOf =
  (kind: 'record' | 'function'): Visitor =>
  (context, item, scope, typed) => {
    const defined = typedNodesAt(item, 'coldeflist').map(({ body }) => textAt(body, 'colname'))
    const entry: RangeEntry = { kind, columns: new Set([...aliasColumns(item), ...defined]) }
    addRange(context, item, entry)
    // A function without an alias goes by its own name.
    if (kind === 'function' && nodeAt(item, 'alias') === null) {
      for (const name of functionNames(item)) addRange(context, { relname: name }, entry)
    }
    context.visitFields(typed, scope)
  }

const functionNames = (item: Node): readonly string[] =>
  typedNodesAt(item, 'functions').flatMap(list =>
    typedNodesAt(list.body, 'items').flatMap(call => nameParts(call.body, 'funcname').at(-1) ?? []),
  )

const visitJoin: Visitor = (context, join, scope, typed) => {
  const place = context.places.of(join)
  const names = typedNodesAt(join, 'usingClause').flatMap(name => stringOf(name) ?? [])
  for (const name of names) context.mentions.push({ name, qualifier: [], place })
  const isNatural = flagAt(join, 'isNatural')
  if (isNatural) context.mentions.push({ name: '*', qualifier: [], place })
  if (names.length > 0 || isNatural) useOperator(context, ['='], place)
  noteRenaming(context, join)
  addRange(context, join, { kind: 'record', columns: new Set(aliasColumns(join)) })
  context.visitFields(typed, scope, ['usingClause'])
}

/** The columns that ON CONFLICT infers an index from are read. */
const visitInfer: Visitor = (context, infer, scope, typed) => {
  for (const { body } of typedNodesAt(infer, 'indexElems')) {
    const name = textAt(body, 'name')
    if (name !== '') context.mentions.push({ name, qualifier: [], place: context.places.of(infer) })
  }
  context.visitFields(typed, scope)
}

export const QUERY_VISITORS: Readonly<Record<NodesRuled<'query'>, Visitor>> = {
  SelectStmt: visitSelect,
  RangeVar: visitRange,
  RangeSubselect: visitRangeOf('record'),
  RangeTableFunc: visitRangeOf('record'),
  JsonTable: visitRangeOf('record'),
  RangeFunction: visitRangeOf('function'),
  JoinExpr: visitJoin,
  InferClause: visitInfer,
}
