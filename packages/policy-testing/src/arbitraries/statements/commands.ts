import type { Access, CatalogRelation, Effect } from '@querywarden/policy-core'
import fc from 'fast-check'
import type { Statement as Tree } from 'pgsql-ast-parser'
import type { Ledger } from './ledger.ts'
import { choices } from './plan.ts'
import { quoted } from './print.ts'
import { pick, type World } from './world.ts'
import type { Verb } from './written-statement.ts'

/** A statement about the session, the transaction or rights. */
export interface CommandPlan {
  readonly command: number
  readonly relation: number
}

/** Choices of a command. They shrink to the first of its effect. */
export const commandPlans = (): fc.Arbitrary<CommandPlan> => fc.record({ command: choices(), relation: choices() })

/** A command: a tree where the printer has one, else its text. */
export interface Command {
  readonly verb: Verb
  readonly effect: Effect
  /** What it does besides. */
  readonly more?: Effect
  readonly access?: Access
  readonly write: (relation: string) => Tree | string
}

const tree = (verb: Verb, effect: Effect, made: Tree): Command => ({ verb, effect, write: () => made })
const text = (verb: Verb, effect: Effect, made: string): Command => ({ verb, effect, write: () => made })
const about = (
  verb: Verb,
  effect: Effect,
  access: Access,
  write: (relation: string) => string,
  more: { readonly more?: Effect } = {},
): Command => ({ verb, effect, access, write, ...more })

/** The printer has no tree for GRANT, REVOKE, CREATE ROLE, SAVEPOINT, LISTEN, NOTIFY, COPY, LOCK and ANALYZE. */
const COMMANDS: readonly Command[] = [
  tree('begin', 'transaction', { type: 'begin' }),
  tree('begin', 'transaction', { type: 'begin', isolationLevel: 'serializable', writeable: 'read only' }),
  tree('begin', 'transaction', { type: 'start transaction' }),
  tree('commit', 'transaction', { type: 'commit' }),
  tree('rollback', 'transaction', { type: 'rollback' }),
  text('savepoint', 'transaction', 'SAVEPOINT here'),
  tree('set', 'session', { type: 'set', variable: { name: 'statement_timeout' }, set: { type: 'value', value: 1000 } }),
  tree('set', 'session', {
    type: 'set',
    variable: { name: 'work_mem' },
    scope: 'local',
    set: { type: 'value', value: '4MB' },
  }),
  tree('set', 'session', { type: 'set timezone', to: { type: 'value', value: 'UTC' } }),
  tree('prepare', 'session', {
    type: 'prepare',
    name: { name: 'ready' },
    statement: { type: 'select', columns: [{ expr: { type: 'integer', value: 1 } }] },
  }),
  tree('deallocate', 'session', { type: 'deallocate', target: { option: 'all' } }),
  text('listen', 'session', 'LISTEN news'),
  tree('show', 'read', { type: 'show', variable: { name: 'work_mem' } }),
  about('grant', 'dcl', 'ddl', relation => `GRANT SELECT ON ${relation} TO PUBLIC`),
  about('revoke', 'dcl', 'ddl', relation => `REVOKE ALL ON ${relation} FROM PUBLIC`),
  text('create role', 'dcl', 'CREATE ROLE new_role'),
  tree('do', 'procedural', { type: 'do', code: 'BEGIN PERFORM 1; END' }),
  { ...tree('do', 'procedural', { type: 'do', code: `BEGIN EXECUTE reverse('1 tceles'); END` }), more: 'unknown' },
  text('notify', 'external', "NOTIFY news, 'n'"),
  about('copy', 'external', 'copy', relation => `COPY ${relation} TO PROGRAM 'cat'`, { more: 'read' }),
  about('copy', 'read', 'copy', relation => `COPY ${relation} TO STDOUT`),
  about('lock', 'write', 'lock', relation => `LOCK TABLE ${relation} IN SHARE MODE`),
  about('analyze', 'maintenance', 'maintain', relation => `ANALYZE ${relation}`),
]

/** The commands that do nothing but what is wanted, and use a relation in one of these ways where there are any. */
export const commandsFor = (
  effects: ReadonlySet<Effect>,
  access: readonly Access[] | undefined,
  { alterable }: World,
): readonly Command[] =>
  COMMANDS.filter(
    command =>
      effects.has(command.effect) &&
      (command.more === undefined || effects.has(command.more)) &&
      (command.access === undefined ? access === undefined : alterable.length > 0) &&
      (access === undefined || command.access === undefined || access.includes(command.access)),
  )

/** Writes the one of some commands that a plan means. */
export function buildCommand(
  { writable, alterable }: World,
  ledger: Ledger,
  plan: CommandPlan,
  possible: readonly Command[],
): { readonly verb: Verb; readonly made: Tree | string } {
  const { verb, effect, more, access, write } = pick(possible, plan.command)
  ledger.does(effect)
  if (more !== undefined) ledger.does(more)
  if (access === undefined) return { verb, made: write('') }
  const relation = pick(access === 'copy' ? alterable : writable, plan.relation)
  ledger.touch(relation, access, effect)
  if (access === 'copy')
    for (const { name } of relation.columns)
      ledger.reads({ schema: relation.schema, name: relation.name, column: name })
  return { verb, made: write(shown(relation)) }
}

const shown = ({ schema, name }: CatalogRelation): string => `${quoted(schema)}.${quoted(name)}`
