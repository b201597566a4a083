import { relationKey } from '@querywarden/policy-core'
import { type Context, useStatement, type Visitor } from './context.ts'
import { copyFormatOf } from './copy-format.ts'
import { visitExplain } from './explain.ts'
import { flagAt, type Node, nodeAt, stringOf, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'
import type { NodesRuled } from './node-rules.ts'
import { runEventTriggers } from './reactions/event-triggers.ts'
import { resolveRelation, touchRange, touchRelation } from './relations.ts'
import { judgeSet, prohibitAnySetting } from './settings.ts'

/** A kind of statement that needs a look of its own. */
export interface Command {
  readonly tag: (statement: Node) => string
  readonly visit: Visitor
}

const command = (tag: string | ((statement: Node) => string), visit: Visitor): Command => ({
  tag: typeof tag === 'string' ? () => tag : tag,
  visit,
})

/** A statement that concerns no relation: its effects, then whatever expressions it holds. */
const plain =
  (...uses: readonly (readonly [Parameters<typeof useStatement>[1], string])[]): Visitor =>
  (context, _, scope, typed) => {
    for (const [effect, why] of uses) useStatement(context, effect, why, context.places.whole)
    context.visitFields(typed, scope)
  }

const TRANSACTION_TAGS: Readonly<Record<string, string>> = {
  TRANS_STMT_BEGIN: 'BEGIN',
  TRANS_STMT_START: 'START TRANSACTION',
  TRANS_STMT_COMMIT: 'COMMIT',
  TRANS_STMT_ROLLBACK: 'ROLLBACK',
  TRANS_STMT_SAVEPOINT: 'SAVEPOINT',
  TRANS_STMT_RELEASE: 'RELEASE',
  TRANS_STMT_ROLLBACK_TO: 'ROLLBACK',
  TRANS_STMT_PREPARE: 'PREPARE TRANSACTION',
  TRANS_STMT_COMMIT_PREPARED: 'COMMIT PREPARED',
  TRANS_STMT_ROLLBACK_PREPARED: 'ROLLBACK PREPARED',
}

const visitTransaction: Visitor = (context, statement, scope, typed) => {
  useStatement(context, 'transaction', 'controls the transaction', context.places.whole)
  if (textAt(statement, 'kind').includes('PREPARE'))
    useStatement(context, 'unknown', 'acts on work that outlives its session', context.places.whole)
  context.visitFields(typed, scope)
}

const visitSet: Visitor = (context, set, scope, typed) => {
  const isTransaction = textAt(set, 'kind') === 'VAR_SET_MULTI' && textAt(set, 'name') !== 'SESSION CHARACTERISTICS'
  if (isTransaction) useStatement(context, 'transaction', 'sets up the transaction', context.places.whole)
  else useStatement(context, 'session', 'changes a setting', context.places.whole)
  visitSetInside(context, set, scope, typed)
}

/** SET as a part of another statement. */
export const visitSetInside: Visitor = (context, set, scope, typed) => {
  judgeSet(context, set)
  context.visitFields(typed, scope)
}

/** A setting with a dot is anybody's, and may hold anything: see current_setting. SHOW ALL leaves those out. */
const visitShow: Visitor = (context, show) => {
  const isCustom = textAt(show, 'name').includes('.')
  if (isCustom) useStatement(context, 'unknown', "reads a setting that is not the server's own", context.places.whole)
  else useStatement(context, 'read', 'shows a setting', context.places.whole)
}

const visitDiscard: Visitor = (context, discard) => {
  const place = context.places.whole
  useStatement(context, 'session', 'drops state of the session', place)
  if (textAt(discard, 'target') === 'DISCARD_TEMP') useStatement(context, 'ddl', 'drops temporary tables', place)
  if (textAt(discard, 'target') === 'DISCARD_ALL')
    prohibitAnySetting(context, 'DISCARD ALL would reset pinned settings', place)
}

const visitCopy: Visitor = (context, copy, scope, typed) => {
  const place = context.places.whole
  const isFrom = flagAt(copy, 'is_from')
  const isClients = textAt(copy, 'filename') === '' && !flagAt(copy, 'is_program')
  if (isClients) {
    context.copy = isFrom ? 'in' : 'out'
    context.copyFormat = isFrom ? null : copyFormatOf(copy)
  } else useStatement(context, 'external', 'reads or writes a file or program of the server', place)
  const relation = nodeAt(copy, 'relation')
  if (relation !== null && isFrom) {
    touchRange(context, relation, { access: 'insert', effect: 'write', unbounded: false })
    touchRange(context, relation, { access: 'copy', effect: 'write', unbounded: false })
  } else if (relation !== null) {
    touchRange(context, relation, { access: 'copy', effect: 'read', unbounded: false })
    const columns = typedNodesAt(copy, 'attlist').flatMap(name => stringOf(name) ?? [])
    for (const name of columns.length === 0 ? ['*'] : columns)
      context.mentions.push({ name, qualifier: [], place: context.places.of(relation) })
  }
  context.visitFields(typed, scope, ['relation', 'attlist'])
}

const visitRanges =
  (field: string, touch: Parameters<typeof touchRange>[2], why: string): Visitor =>
  (context, statement, scope, typed) => {
    const ranges = [...typedNodesAt(statement, field).map(rangeOf), nodeAt(statement, field)].filter(
      range => range !== null,
    )
    for (const range of ranges) touchRange(context, range, touch)
    // REINDEX SCHEMA and a bare VACUUM name no relation.
    if (ranges.length === 0) {
      useStatement(context, touch.effect, why, context.places.whole)
      maintainAll(context, touch)
    }
    context.visitFields(typed, scope, [field])
  }

/** Of all relations only those whose maintenance runs code are worth a word. */
function maintainAll(context: Context, touch: Parameters<typeof touchRange>[2]): void {
  for (const { schema, name, reactions } of context.catalog.relations.values())
    if (touch.access === 'maintain' && reactions.some(({ on }) => on.includes('maintain')))
      touchRelation(context, schema, name, touch, context.places.whole)
}

const rangeOf = ({ type, body }: TypedNode): Node | null =>
  type === 'VacuumRelation' ? nodeAt(body, 'relation') : body

const MAINTAIN = { access: 'maintain', effect: 'maintenance', unbounded: false } as const

const visitCreateAs: Visitor = (context, statement, scope, typed) => {
  const into = nodeAt(statement, 'into')
  const rel = into === null ? null : nodeAt(into, 'rel')
  if (rel !== null) touchNew(context, rel)
  const isView = textAt(statement, 'objtype') === 'OBJECT_MATVIEW'
  runEventTriggers(context, isView ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS')
  if (into === null || !flagAt(into, 'skipData'))
    useStatement(context, 'write', 'fills a new table', context.places.whole)
  context.visitFields(typed, { ...scope, relations: 'select' }, ['into'])
}

/** What SELECT INTO makes. */
export function visitNew(context: Context, range: Node): void {
  touchNew(context, range)
  runEventTriggers(context, 'SELECT INTO')
}

const touchNew = (context: Context, range: Node): void =>
  touchRange(context, range, { access: 'ddl', effect: 'ddl', unbounded: false })

const createAsTag = (statement: Node): string => {
  const into = nodeAt(statement, 'into')
  if (into === null || !flagAt(into, 'skipData')) return 'SELECT'
  return textAt(statement, 'objtype') === 'OBJECT_MATVIEW' ? 'CREATE MATERIALIZED VIEW' : 'CREATE TABLE AS'
}

/** A statement that holds another, and does something to the session besides. */
const holding =
  (why: string): Visitor =>
  (context, _, scope, typed) => {
    useStatement(context, 'session', why, context.places.whole)
    context.visitFields(typed, { ...scope, relations: 'select' })
  }

const visitTruncate: Visitor = (context, statement, scope, typed) => {
  if (textAt(statement, 'behavior') === 'DROP_CASCADE') context.writes.cascades = true
  const touch = { access: 'truncate', effect: 'write', unbounded: true } as const
  visitRanges('relations', touch, 'empties tables')(context, statement, scope, typed)
}

const visitRefresh: Visitor = (context, refresh, scope, typed) => {
  const touch = { access: 'maintain', effect: 'write', unbounded: false } as const
  visitRanges('relation', touch, 'fills a view')(context, refresh, scope, typed)
  runEventTriggers(context, 'REFRESH MATERIALIZED VIEW')
  const view = nodeAt(refresh, 'relation')
  if (view !== null && !flagAt(refresh, 'skipData')) readSources(context, view)
}

const visitReindex: Visitor = (context, reindex, scope, typed) => {
  visitRanges('relation', MAINTAIN, 'rebuilds indexes')(context, reindex, scope, typed)
  // From PostgreSQL 17 on.
  runEventTriggers(context, 'REINDEX')
}

/** A view's definition is run: it reads what its columns come from. */
function readSources(context: Context, range: Node): void {
  const resolved = resolveRelation(context, textAt(range, 'schemaname'), textAt(range, 'relname'))
  if (resolved.kind !== 'known') return
  const { relation: view } = resolved
  const sources = new Map<string, Set<string>>()
  for (const origin of view.columns.flatMap(column => column.origins)) {
    const key = relationKey(origin)
    if (key !== relationKey(view)) sources.set(key, (sources.get(key) ?? new Set()).add(origin.column))
  }
  for (const [key, names] of sources) {
    const source = context.catalog.relations.get(key)
    if (source === undefined) continue
    const { schema, name, oid, kind } = source
    const columns = source.columns.filter(column => names.has(column.name))
    context.uses.push({
      kind: 'relation',
      effect: 'read',
      access: 'select',
      relation: { schema, name, oid, kind, columns },
      unbounded: false,
      via: { kind: 'rule', name: `${view.schema}.${view.name}` },
      place: context.places.of(range),
    })
  }
}

/** The code of DO is the argument of an option, and so is its language. */
const visitDo: Visitor = (context, statement) => {
  const place = context.places.whole
  useStatement(context, 'procedural', 'runs code', place)
  const options = typedNodesAt(statement, 'args').map(({ body }) => body)
  const named = (name: string): readonly string[] =>
    options.flatMap(option => (textAt(option, 'defname') === name ? (stringOf(typedAt(option, 'arg')) ?? []) : []))
  const [body, other] = named('as')
  const language = named('language').at(-1) ?? 'plpgsql'
  if (body === undefined || other !== undefined) {
    useStatement(context, 'unknown', 'its code may do anything', place)
    return
  }
  context.runs.push({
    code: { kind: 'block', language, body },
    via: { kind: 'function', name: 'DO' },
    place,
    isPlanned: false,
  })
}

/** All statements but definitions and SELECT, INSERT, UPDATE, DELETE, MERGE. */
export const COMMANDS: Readonly<Record<NodesRuled<'command'>, Command>> = {
  CallStmt: command('CALL', plain(['procedural', 'runs a procedure'])),
  CheckPointStmt: command('CHECKPOINT', plain(['maintenance', 'forces a checkpoint'])),
  ClosePortalStmt: command(
    node => (textAt(node, 'portalname') === '' ? 'CLOSE CURSOR ALL' : 'CLOSE CURSOR'),
    plain(['session', 'closes cursors']),
  ),
  ClusterStmt: command('CLUSTER', visitRanges('relation', MAINTAIN, 'rewrites tables')),
  ConstraintsSetStmt: command('SET CONSTRAINTS', (context, _, __) =>
    useStatement(context, 'transaction', 'changes when constraints are checked', context.places.whole),
  ),
  CopyStmt: command('COPY', visitCopy),
  CreateTableAsStmt: command(createAsTag, visitCreateAs),
  DeallocateStmt: command(
    node => (flagAt(node, 'isall') || textAt(node, 'name') === '' ? 'DEALLOCATE ALL' : 'DEALLOCATE'),
    plain(['session', 'drops prepared statements']),
  ),
  DeclareCursorStmt: command('DECLARE CURSOR', holding('opens a cursor')),
  DiscardStmt: command(node => textAt(node, 'target').replace('_', ' '), visitDiscard),
  DoStmt: command('DO', visitDo),
  ExecuteStmt: command('EXECUTE', plain(['unknown', 'runs a statement prepared earlier'])),
  ExplainStmt: command('EXPLAIN', visitExplain),
  FetchStmt: command(
    node => (flagAt(node, 'ismove') ? 'MOVE' : 'FETCH'),
    plain(['unknown', 'runs a cursor opened earlier']),
  ),
  ListenStmt: command('LISTEN', plain(['session', 'asks for messages of other sessions'])),
  LoadStmt: command('LOAD', plain(['external', 'loads a library into the server'])),
  LockStmt: command(
    'LOCK TABLE',
    visitRanges('relations', { access: 'lock', effect: 'write', unbounded: false }, 'locks'),
  ),
  NotifyStmt: command('NOTIFY', plain(['external', 'sends a message to other sessions'])),
  PrepareStmt: command('PREPARE', holding('prepares a statement')),
  RefreshMatViewStmt: command('REFRESH MATERIALIZED VIEW', visitRefresh),
  ReindexStmt: command('REINDEX', visitReindex),
  ReturnStmt: command('RETURN', plain()),
  TransactionStmt: command(node => TRANSACTION_TAGS[textAt(node, 'kind')] ?? 'BEGIN', visitTransaction),
  TruncateStmt: command('TRUNCATE TABLE', visitTruncate),
  UnlistenStmt: command('UNLISTEN', plain(['session', 'ends messages of other sessions'])),
  VacuumStmt: command(
    node => (flagAt(node, 'is_vacuumcmd') ? 'VACUUM' : 'ANALYZE'),
    visitRanges('rels', MAINTAIN, 'maintains all tables'),
  ),
  VariableSetStmt: command(node => (textAt(node, 'kind').startsWith('VAR_RESET') ? 'RESET' : 'SET'), visitSet),
  VariableShowStmt: command('SHOW', visitShow),
}
