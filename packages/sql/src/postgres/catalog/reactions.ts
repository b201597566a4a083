import type { Access, Reaction, RelationName } from '@querywarden/policy-core'
import { SqlError } from '../sql-error.ts'
import { isPure } from './expressions.ts'
import { TRUE } from './queries.ts'
import { listAt, type Routines } from './routines.ts'
import type { Snapshot } from './snapshot.ts'
import { textKeyOf } from './texts-wanted.ts'
import type { Types } from './types.ts'

/** A reaction and how far it reaches. */
export interface OwnReaction {
  readonly reaction: Reaction
  /**
   * `row`: also where the rows are reached by way of a parent. `relation`: only where the relation is named itself.
   * `statement`: once for a statement that names it; TRUNCATE names the children too. `key`: also for its partitions, of
   * which it says what belongs into them.
   */
  readonly reach: 'row' | 'relation' | 'statement' | 'key'
}

/** What each relation reacts with by itself, by its number. */
export function reactionsOf(
  snapshot: Snapshot,
  routines: Routines,
  types: Types,
): ReadonlyMap<string, readonly OwnReaction[]> {
  const own = new Map<string, OwnReaction[]>()
  const paths = new Map(snapshot.relations.map(([oid = '', schema = '', name = '']) => [oid, { schema, name }]))
  const add: Add = (relation, name, reach, reactionAs) => {
    const path = paths.get(relation)
    if (path === undefined) return
    listAt(own, relation).push({ reaction: reactionAs(`${path.schema}.${path.name}.${name}`), reach })
  }
  const texts = textsOf(snapshot)
  const isHarmless = (row: readonly string[]): boolean => isPure(row, routines, types.runsCode)
  addExpressions(snapshot, texts, isHarmless, add)
  addComparisons(snapshot, routines, add)
  addTriggers(snapshot, texts, { routines, isHarmless }, add)
  addRules(snapshot, texts, add)
  addIdentities(snapshot, add)
  addCascades(snapshot, paths, add)
  return own
}

type Add = (relation: string, name: string, reach: OwnReaction['reach'], reactionAs: (path: string) => Reaction) => void

/** Expressions that run by themselves, by their kind in {@link Snapshot.expressions}. */
const EXPRESSIONS: Readonly<
  Record<string, Pick<OwnReaction, 'reach'> & { readonly kind: ExpressionKind; readonly on: readonly Access[] }>
> = {
  default: { kind: 'default', on: ['insert', 'update'], reach: 'relation' },
  'type default': { kind: 'default', on: ['insert', 'update'], reach: 'relation' },
  stored: { kind: 'generated', on: ['insert', 'update'], reach: 'row' },
  virtual: { kind: 'generated', on: ['select', 'insert', 'update', 'delete'], reach: 'row' },
  check: { kind: 'check', on: ['insert', 'update'], reach: 'row' },
  // Scans compare by an index's functions, and the planner computes what has no column in it: `f(5) + id`.
  index: { kind: 'index', on: ['select', 'insert', 'update', 'delete', 'lock', 'maintain'], reach: 'row' },
  predicate: { kind: 'index', on: ['select', 'insert', 'update', 'delete', 'lock', 'maintain'], reach: 'row' },
  statistics: { kind: 'index', on: ['select', 'update', 'delete', 'maintain'], reach: 'row' },
  partition: { kind: 'partition', on: ['insert', 'update'], reach: 'key' },
}
type ExpressionKind = Exclude<Reaction['kind'], 'trigger' | 'rule' | 'cascade'>

/**
 * By pg_policy.polcmd. The rows that a command changes must be seen first where it reads any of their columns, and what
 * INSERT … RETURNING or ON CONFLICT shows must be too.
 */
const POLICY_COMMANDS: Readonly<Record<string, readonly Access[]>> = {
  '*': ['select', 'insert', 'update', 'delete', 'lock'],
  r: ['select', 'insert', 'update', 'delete', 'lock'],
  a: ['insert'],
  w: ['update', 'insert', 'lock'],
  d: ['delete'],
}

const RULE_EVENTS: Readonly<Record<string, Access>> = { 2: 'update', 3: 'insert', 4: 'delete' }

type Texts = (kind: string, oid: string) => string | null

function textsOf(snapshot: Snapshot): Texts {
  const texts = new Map(snapshot.texts.map(([kind, oid, text = '']) => [`${kind} ${oid}`, text]))
  return (kind, oid) => texts.get(`${kind} ${oid}`) || null
}

function addExpressions(snapshot: Snapshot, texts: Texts, isHarmless: (row: readonly string[]) => boolean, add: Add) {
  for (const row of snapshot.expressions) {
    const [source = '', , relation = '', name = '', command = ''] = row
    const key = textKeyOf(row)
    if (key === null || source === 'when' || isHarmless(row)) continue
    const expression = texts(key.kind, key.oid)
    if (source === 'using' || source === 'with check') {
      const on = POLICY_COMMANDS[command]
      if (on === undefined) throw malformed('policy command', command)
      // A check says what may be written; a policy of SELECT has none.
      const when = source === 'using' ? on : on.filter(access => access === 'insert' || access === 'update')
      add(relation, name, 'relation', path => ({ kind: 'policy', name: path, on: when, expression, clause: source }))
      continue
    }
    const known = EXPRESSIONS[source]
    if (known === undefined) throw malformed('expression kind', source)
    add(relation, name, known.reach, path => ({ kind: known.kind, name: path, on: known.on, expression }))
  }
}

function addComparisons(snapshot: Snapshot, routines: Routines, add: Add): void {
  const acting = new Set(
    snapshot.classRoutines.flatMap(([oid, routine = '']) => (routines.mayAct(routine) ? [oid] : [])),
  )
  for (const [relation = '', name = '', where, what, oid = ''] of snapshot.comparisons) {
    if (what === 'class' ? !acting.has(oid) : !routines.byOperator.has(oid)) continue
    const kind = where === 'partition' ? 'partition' : 'index'
    const { on, reach } = EXPRESSIONS[kind] ?? { on: [], reach: 'row' }
    add(relation, name, reach, path => ({ kind, name: path, on, expression: null }))
  }
}

/** The bits of pg_trigger.tgtype (catalog/pg_trigger.h). */
const FOR_EACH_ROW = 1
const TRIGGER_EVENTS: readonly (readonly [bit: number, access: Access])[] = [
  [4, 'insert'],
  [8, 'delete'],
  [16, 'update'],
  [32, 'truncate'],
]

/** Trigger functions of the server that only compute the row that is stored. Where a vector's words come from: origins.ts. */
const COMPUTING_TRIGGERS: ReadonlySet<string> = new Set([
  'suppress_redundant_updates_trigger',
  'tsvector_update_trigger',
  'tsvector_update_trigger_column',
])

function addTriggers(
  snapshot: Snapshot,
  texts: Texts,
  known: { readonly routines: Routines; readonly isHarmless: (row: readonly string[]) => boolean },
  add: Add,
): void {
  const acting = snapshot.expressions.filter(row => row[0] === 'when' && !known.isHarmless(row)).map(row => row[1])
  const actingWhen = new Set(acting)
  // A column that is computed changes without being assigned to.
  const computed = new Set(
    snapshot.columns.flatMap(([relation, , , , , , isGenerated]) => (isGenerated === TRUE ? [relation] : [])),
  )
  for (const [
    oid = '',
    relation = '',
    name = '',
    bits = '',
    routineOid = '',
    columns = '',
    passes,
  ] of snapshot.triggers) {
    const routine = known.routines.byOid(routineOid)
    if (routine === null) throw malformed('trigger function', routineOid)
    // What it is handed as a relation goes by any name, be it another relation's.
    const isActing = actingWhen.has(oid) || passes === TRUE
    if (!isActing && routine.schema === 'pg_catalog' && COMPUTING_TRIGGERS.has(routine.name)) continue
    const on = TRIGGER_EVENTS.filter(([bit]) => (Number(bits) & bit) !== 0).map(([, access]) => access)
    add(relation, name, (Number(bits) & FOR_EACH_ROW) === 0 ? 'statement' : 'row', path => ({
      kind: 'trigger',
      name: path,
      on,
      routine,
      ...(isActing ? { definition: texts('trigger', oid) } : {}),
      ...(columns === '' || computed.has(relation) ? {} : { columns: columns.split('\n') }),
    }))
  }
}

function addRules(snapshot: Snapshot, texts: Texts, add: Add): void {
  for (const [oid = '', relation = '', name = '', event = '', instead] of snapshot.rules) {
    const definition = texts('rule', oid) ?? ''
    const on = RULE_EVENTS[event]
    if (on === undefined) throw malformed('rule event', event)
    const isInstead = instead === TRUE
    add(relation, name, 'relation', path => ({ kind: 'rule', name: path, on: [on], isInstead, definition }))
  }
}

function addIdentities(snapshot: Snapshot, add: Add): void {
  for (const [relation = '', name = '', sequence = ''] of snapshot.identities) {
    const expression = sequence === '' ? null : `nextval('${sequence.replaceAll("'", "''")}'::regclass)`
    add(relation, name, 'relation', path => ({ kind: 'default', name: path, on: ['insert', 'update'], expression }))
  }
}

/** By pg_constraint.confdeltype and confupdtype, what becomes of the referencing rows; nothing for the others. */
const DELETE_ACTIONS: Readonly<Record<string, 'update' | 'delete'>> = { c: 'delete', n: 'update', d: 'update' }
const UPDATE_ACTIONS: Readonly<Record<string, 'update'>> = { c: 'update', n: 'update', d: 'update' }

function addCascades(snapshot: Snapshot, relations: ReadonlyMap<string, RelationName>, add: Add): void {
  for (const [relation = '', referencing = '', name = '', onDelete = '', onUpdate = '', isCopy] of snapshot.cascades) {
    const other = relations.get(referencing)
    if (other === undefined) continue
    // What a partition has of its parent, the parent reacts with itself.
    const reach = isCopy === TRUE ? 'relation' : 'row'
    const cascade = (on: Access, access: 'update' | 'delete' | 'truncate' | undefined): void => {
      if (access === undefined) return
      add(relation, name, reach, path => ({ kind: 'cascade', name: path, on: [on], relation: other, access }))
    }
    cascade('delete', DELETE_ACTIONS[onDelete])
    cascade('update', UPDATE_ACTIONS[onUpdate])
    cascade('truncate', 'truncate')
  }
}

const malformed = (what: string, value: string): SqlError =>
  new SqlError('MALFORMED_CATALOG', `${what} \`${value}\` is not known`)
