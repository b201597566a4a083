import type { Access, Catalog, Effect } from '@querywarden/policy-core'
import fc from 'fast-check'
import type { Statement as Tree } from 'pgsql-ast-parser'
import { buildChange, type ChangePlan, changePlans } from './statements/changes.ts'
import { buildCommand, type Command, type CommandPlan, commandPlans, commandsFor } from './statements/commands.ts'
import { buildDefinition, type DefinitionPlan, definitionPlans, verbOf } from './statements/definitions.ts'
import { type Ledger, openLedger } from './statements/ledger.ts'
import { choices, type QueryPlan, queryPlans } from './statements/plan.ts'
import { print } from './statements/print.ts'
import { buildQuery } from './statements/queries.ts'
import { type Making, nameOf } from './statements/scope.ts'
import { pick, type World, worldOf } from './statements/world.ts'
import type { Verb, WrittenStatement } from './statements/written-statement.ts'

/** Which statements to write. */
export interface StatementOptions {
  /** Statements that have no other effects than these; all that rows are read and changed with by default. */
  readonly effects?: readonly Effect[]
  /** Statements that use a relation in one of these ways. */
  readonly access?: readonly Access[]
}

/** What a statement is made of before it is about anything. */
type StatementPlan =
  | { readonly kind: 'query'; readonly query: QueryPlan }
  | { readonly kind: 'change'; readonly change: ChangePlan; readonly query: QueryPlan | null }
  | { readonly kind: 'truncate'; readonly relation: number }
  | { readonly kind: 'definition'; readonly definition: DefinitionPlan }
  | { readonly kind: 'command'; readonly command: CommandPlan }

/**
 * SQL for PostgreSQL about the relations of a catalog, with the truth about it. Statements are made as pgsql-ast-parser
 * trees and printed by it, never read by its parser; values are of their columns' types, so that a server takes them.
 *
 * They are made of choices that don't depend on each other and shrink by themselves: a counterexample comes down to a
 * plain statement on the first relation and column that show the trouble.
 *
 * @throws Error when no statement about the catalog can be as asked: it has no relation with a column, say.
 * @example
 * fc.assert(fc.property(statements(catalog, { effects: ['read'] }), ({ text }) => isRead(text)))
 * // fails with: SELECT id FROM public.customers
 */
export function statements(catalog: Catalog, options: StatementOptions = {}): fc.Arbitrary<WrittenStatement> {
  const world = worldOf(catalog)
  const effects = new Set(options.effects ?? ROWS)
  const { access } = options
  const commands = commandsFor(effects, access, world)
  const plans = plansFor(effects, access, world, commands)
  if (plans.length === 0) throw new Error('the catalog has nothing that such a statement could be about')
  return fc
    .oneof({ withCrossShrink: true }, ...plans)
    .map(plan => writtenFrom(world, plan, commands))
    .filter(written => written !== null)
    .filter(
      written =>
        written.effects.every(effect => effects.has(effect)) &&
        (access === undefined || written.relations.some(use => access.includes(use.access))),
    )
}

const ROWS: readonly Effect[] = ['read', 'write']

interface Weighted {
  readonly weight: number
  readonly arbitrary: fc.Arbitrary<StatementPlan>
}

const CHANGES = ['insert', 'update', 'delete'] as const

/** The kinds of statements that may do what is wanted, so that few are written for nothing. */
function plansFor(
  effects: ReadonlySet<Effect>,
  access: readonly Access[] | undefined,
  { readable, writable }: World,
  commands: readonly Command[],
): readonly Weighted[] {
  const wants = (...accesses: readonly Access[]): boolean =>
    access === undefined || accesses.some(one => access.includes(one))
  const canWrite = effects.has('write') && writable.length > 0
  const reads = wants('select', 'lock')
  const query = queryPlans().map((query): StatementPlan => ({ kind: 'query', query }))
  const inQuery = fc
    .record({ change: fc.constantFrom(...CHANGES).chain(changePlans), query: queryPlans() })
    .map((parts): StatementPlan => ({ kind: 'change', ...parts }))
  return [
    ...(effects.has('read') && reads && readable.length > 0 ? [{ weight: 4, arbitrary: query }] : []),
    ...CHANGES.filter(kind => canWrite && (wants(kind) || wants('select'))).map(kind => ({
      weight: 2,
      arbitrary: changePlans(kind).map((change): StatementPlan => ({ kind: 'change', change, query: null })),
    })),
    ...(canWrite && effects.has('read') && wants('select', ...CHANGES) ? [{ weight: 1, arbitrary: inQuery }] : []),
    ...(canWrite && wants('truncate')
      ? [{ weight: 1, arbitrary: choices().map((relation): StatementPlan => ({ kind: 'truncate', relation })) }]
      : []),
    ...(effects.has('ddl') && wants('ddl') && readable.length > 0
      ? [
          {
            weight: 3,
            arbitrary: definitionPlans().map((definition): StatementPlan => ({ kind: 'definition', definition })),
          },
        ]
      : []),
    ...(commands.length > 0
      ? [{ weight: 1, arbitrary: commandPlans().map((command): StatementPlan => ({ kind: 'command', command })) }]
      : []),
  ]
}

function writtenFrom(world: World, plan: StatementPlan, commands: readonly Command[]): WrittenStatement | null {
  const ledger = openLedger(name => isTaken(world, name))
  const making: Making = { world, ledger, query: buildQuery }
  switch (plan.kind) {
    case 'query':
      return finished(ledger, 'select', buildQuery(making, plan.query, TOP).tree)
    case 'change':
      return plan.query === null
        ? finished(ledger, plan.change.kind, buildChange(making, plan.change).tree)
        : changeInQuery(making, plan.change, plan.query)
    case 'truncate': {
      const relation = pick(world.writable, plan.relation)
      ledger.touch(relation, 'truncate', 'write')
      ledger.isUnbounded()
      const tables = [nameOf(world, relation, false)]
      return finished(ledger, 'truncate', { type: 'truncate table', tables, cascade: 'cascade' })
    }
    case 'definition': {
      const tree = buildDefinition(making, plan.definition)
      return tree === null ? null : finished(ledger, verbOf(plan.definition), tree)
    }
    case 'command': {
      const { verb, made } = buildCommand(world, ledger, plan.command, commands)
      return typeof made === 'string' ? ledger.written(verb, made) : finished(ledger, verb, made)
    }
  }
}

const TOP = { outer: null, isNamed: false } as const

/** A change in the WITH of a query that selects what it returns. */
function changeInQuery(making: Making, change: ChangePlan, query: QueryPlan): WrittenStatement {
  const { ledger } = making
  const built = buildChange(making, change, true)
  const alias = { name: ledger.fresh('w') }
  ledger.bind({ alias, statement: built.tree })
  const columns = built.outputs.map(({ name }) => ({ expr: { type: 'ref' as const, name } }))
  const where = query.where === null ? {} : { where: making.query(making, query, TOP).tree }
  return finished(ledger, 'select', {
    type: 'select',
    columns,
    from: [{ type: 'table', name: alias }],
    ...(where.where === undefined
      ? {}
      : { where: { type: 'call', function: { name: 'exists' }, args: [where.where] } }),
  })
}

/** Prints a tree behind the WITH that its parts asked for. */
function finished(ledger: Ledger, verb: Verb, tree: Tree): WrittenStatement {
  const bind = ledger.bindings()
  if (bind.length === 0) return ledger.written(verb, print(tree))
  switch (tree.type) {
    case 'select':
    case 'union':
    case 'union all':
    case 'insert':
    case 'update':
    case 'delete':
      return ledger.written(verb, print({ type: 'with', bind, in: tree }))
    case 'create view':
    case 'create materialized view':
      return ledger.written(verb, print({ ...tree, query: { type: 'with', bind, in: tree.query } }))
    default:
      throw new Error(`a ${tree.type} statement takes no WITH`)
  }
}

/** Whether a name would be that of a relation or column too. */
const isTaken = ({ catalog }: World, name: string): boolean =>
  [...catalog.relations.values()].some(
    relation =>
      relation.name === name || relation.schema === name || relation.columns.some(column => column.name === name),
  )
