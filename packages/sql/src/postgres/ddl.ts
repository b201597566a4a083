import type { Effect } from '@querywarden/policy-core'
import { useType } from './calls.ts'
import { CHANGE, type Context, type Scope, useFunction, useStatement } from './context.ts'
import { builtInEffect } from './functions/classify-function.ts'
import { flagAt, type Node, nameParts, nodeAt, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'
import type { NodesRuled } from './node-rules.ts'
import { objectWords } from './object-tags.ts'
import { runEventTriggers } from './reactions/event-triggers.ts'
import { touchRelation } from './relations.ts'
import { findRoutines, runRoutines } from './routines/find-routines.ts'

/** What a kind of statement does, whatever is in it: the command tag, and the effects that it always has. */
export interface Declared {
  readonly tag: string | ((statement: Node) => string)
  readonly effects: readonly Effect[]
}

const ddl = (tag: Declared['tag'], ...more: readonly Effect[]): Declared => ({ tag, effects: ['ddl', ...more] })
const only = (effect: Effect, tag: Declared['tag']): Declared => ({ tag, effects: [effect] })

const by =
  (verb: string, field: string) =>
  (statement: Node): string =>
    `${verb} ${objectWords(textAt(statement, field))}`

/** Only of a column does the tag name what it belongs to; of others `relationType` is not set (CreateCommandTag). */
const renameTag = (statement: Node): string => {
  const renamed = textAt(statement, 'renameType')
  return `ALTER ${objectWords(renamed === 'OBJECT_COLUMN' ? textAt(statement, 'relationType') || renamed : renamed)}`
}

/** Statements that define things or hand out rights, all but a few with nothing to them but their parts. */
export const DEFINITIONS: Readonly<Record<NodesRuled<'definition'>, Declared>> = {
  AlterCollationStmt: ddl('ALTER COLLATION'),
  AlterDatabaseRefreshCollStmt: ddl('ALTER DATABASE'),
  AlterDatabaseSetStmt: ddl('ALTER DATABASE'),
  AlterDatabaseStmt: ddl('ALTER DATABASE'),
  AlterDefaultPrivilegesStmt: only('dcl', 'ALTER DEFAULT PRIVILEGES'),
  AlterDomainStmt: ddl('ALTER DOMAIN'),
  AlterEnumStmt: ddl('ALTER TYPE'),
  AlterEventTrigStmt: ddl('ALTER EVENT TRIGGER'),
  AlterExtensionContentsStmt: ddl('ALTER EXTENSION', 'external'),
  AlterExtensionStmt: ddl('ALTER EXTENSION', 'external'),
  AlterFdwStmt: ddl('ALTER FOREIGN DATA WRAPPER', 'external'),
  AlterForeignServerStmt: ddl('ALTER SERVER', 'external'),
  AlterFunctionStmt: ddl(by('ALTER', 'objtype')),
  AlterObjectDependsStmt: ddl(by('ALTER', 'objectType')),
  AlterObjectSchemaStmt: ddl(by('ALTER', 'objectType')),
  AlterOpFamilyStmt: ddl('ALTER OPERATOR FAMILY'),
  AlterOperatorStmt: ddl('ALTER OPERATOR'),
  AlterOwnerStmt: ddl(by('ALTER', 'objectType'), 'dcl'),
  AlterPolicyStmt: ddl('ALTER POLICY', 'dcl'),
  AlterPublicationStmt: ddl('ALTER PUBLICATION', 'external'),
  AlterRoleSetStmt: only('dcl', 'ALTER ROLE'),
  AlterRoleStmt: only('dcl', 'ALTER ROLE'),
  AlterSeqStmt: ddl('ALTER SEQUENCE'),
  AlterStatsStmt: ddl('ALTER STATISTICS'),
  AlterSubscriptionStmt: ddl('ALTER SUBSCRIPTION', 'external'),
  AlterSystemStmt: only('external', 'ALTER SYSTEM'),
  AlterTSConfigurationStmt: ddl('ALTER TEXT SEARCH CONFIGURATION'),
  AlterTSDictionaryStmt: ddl('ALTER TEXT SEARCH DICTIONARY'),
  AlterTableMoveAllStmt: ddl(by('ALTER', 'objtype'), 'maintenance'),
  AlterTableSpaceOptionsStmt: ddl('ALTER TABLESPACE'),
  AlterTableStmt: ddl(by('ALTER', 'objtype')),
  AlterTypeStmt: ddl('ALTER TYPE'),
  AlterUserMappingStmt: only('external', 'ALTER USER MAPPING'),
  CommentStmt: ddl('COMMENT'),
  CompositeTypeStmt: ddl('CREATE TYPE'),
  CreateAmStmt: ddl('CREATE ACCESS METHOD', 'external'),
  CreateCastStmt: ddl('CREATE CAST'),
  CreateConversionStmt: ddl('CREATE CONVERSION'),
  CreateDomainStmt: ddl('CREATE DOMAIN'),
  CreateEnumStmt: ddl('CREATE TYPE'),
  CreateEventTrigStmt: ddl('CREATE EVENT TRIGGER'),
  CreateExtensionStmt: ddl('CREATE EXTENSION', 'external'),
  CreateFdwStmt: ddl('CREATE FOREIGN DATA WRAPPER', 'external'),
  CreateForeignServerStmt: ddl('CREATE SERVER', 'external'),
  CreateForeignTableStmt: ddl('CREATE FOREIGN TABLE', 'external'),
  CreateFunctionStmt: ddl(statement => (flagAt(statement, 'is_procedure') ? 'CREATE PROCEDURE' : 'CREATE FUNCTION')),
  CreateOpClassStmt: ddl('CREATE OPERATOR CLASS'),
  CreateOpFamilyStmt: ddl('CREATE OPERATOR FAMILY'),
  CreatePLangStmt: ddl('CREATE LANGUAGE', 'external'),
  CreatePolicyStmt: ddl('CREATE POLICY', 'dcl'),
  CreatePublicationStmt: ddl('CREATE PUBLICATION', 'external'),
  CreateRangeStmt: ddl('CREATE TYPE'),
  CreateRoleStmt: only('dcl', 'CREATE ROLE'),
  CreateSchemaStmt: ddl('CREATE SCHEMA'),
  CreateSeqStmt: ddl('CREATE SEQUENCE'),
  CreateStatsStmt: ddl('CREATE STATISTICS'),
  CreateStmt: ddl('CREATE TABLE'),
  CreateSubscriptionStmt: ddl('CREATE SUBSCRIPTION', 'external'),
  CreateTableSpaceStmt: ddl('CREATE TABLESPACE', 'external'),
  CreateTransformStmt: ddl('CREATE TRANSFORM'),
  CreateTrigStmt: ddl('CREATE TRIGGER'),
  CreateUserMappingStmt: only('external', 'CREATE USER MAPPING'),
  CreatedbStmt: ddl('CREATE DATABASE'),
  DefineStmt: ddl(by('CREATE', 'kind')),
  DropOwnedStmt: ddl('DROP OWNED', 'dcl'),
  DropRoleStmt: only('dcl', 'DROP ROLE'),
  DropStmt: ddl(by('DROP', 'removeType')),
  DropSubscriptionStmt: ddl('DROP SUBSCRIPTION', 'external'),
  DropTableSpaceStmt: ddl('DROP TABLESPACE', 'external'),
  DropUserMappingStmt: only('external', 'DROP USER MAPPING'),
  DropdbStmt: ddl('DROP DATABASE'),
  GrantRoleStmt: only('dcl', statement => (flagAt(statement, 'is_grant') ? 'GRANT ROLE' : 'REVOKE ROLE')),
  GrantStmt: only('dcl', statement => (flagAt(statement, 'is_grant') ? 'GRANT' : 'REVOKE')),
  ImportForeignSchemaStmt: ddl('IMPORT FOREIGN SCHEMA', 'external'),
  IndexStmt: ddl('CREATE INDEX'),
  ReassignOwnedStmt: ddl('REASSIGN OWNED', 'dcl'),
  RenameStmt: ddl(renameTag),
  RuleStmt: ddl('CREATE RULE'),
  SecLabelStmt: ddl('SECURITY LABEL', 'dcl'),
  ViewStmt: ddl('CREATE VIEW'),
}

const RELATION_TYPES = /^OBJECT_(TABLE|VIEW|MATVIEW|FOREIGN_TABLE|SEQUENCE)$/
/** Objects that are named by their relation's name and then their own. */
const PARTS_OF_RELATIONS = /^OBJECT_(TRIGGER|RULE|POLICY|COLUMN|TABCONSTRAINT)$/

/** Notes a definition: the relations that it touches, else the statement itself; then what it does besides. */
export function useDefinition(context: Context, declared: Declared, typed: TypedNode, outer: Scope): void {
  const before = context.uses.length
  const scope: Scope = { ...outer, relations: 'ddl' }
  touchNamed(context, typed.body, declared)
  touchSchemas(context, typed.body)
  context.visitFields(typed, scope, NAME_FIELDS)
  if (typed.type === 'AlterTableStmt') context.writes.rewrites = true
  for (const type of typesRun(typed)) useType(context, type)
  if (HOLDING_CODE.has(typed.type)) boundLater(context, before)
  if (typed.type === 'CreateTrigStmt') runTrigger(context, typed.body)
  const added = new Set(context.uses.slice(before).map(use => use.effect))
  for (const effect of [...declared.effects, ...ownerEffects(typed)])
    if (!added.has(effect)) useStatement(context, effect, describe(declared, typed.body), context.places.whole)
  runEventTriggers(context, tagOf(declared, typed.body))
}

/**
 * What a trigger will do is done by whoever makes it, too. It isn't seen when it fires on a relation that the catalog doesn't
 * have (a temporary one, that stands before another of its name), nor for a statement that was judged before it was there
 * and waited for the lock (threat N2).
 */
function runTrigger(context: Context, trigger: Node): void {
  const parts = nameParts(trigger, 'funcname')
  const place = context.places.of(nodeAt(trigger, 'relation') ?? {})
  const found = findRoutines(context.catalog, parts, 0)
  if (found.kind === 'found')
    runRoutines(context, found.routines, place, { kind: 'trigger', name: textAt(trigger, 'trigname') })
  else if (found.kind === 'unseen' || !isComputing(parts))
    useFunction(context, 'unknown', parts.join('.'), 'is not known', place)
}

const isComputing = (parts: readonly string[]): boolean =>
  (parts.length === 1 || parts[0] === 'pg_catalog') && builtInEffect(parts.at(-1) ?? '') === null

/** What these hold is run later, if ever, and its bounds are then of a statement that isn't there yet. */
const HOLDING_CODE: ReadonlySet<string> = new Set(['RuleStmt', 'CreateFunctionStmt'])

function boundLater({ uses }: Context, from: number): void {
  uses.push(...uses.splice(from).map(use => (use.kind === 'relation' ? { ...use, unbounded: false } : use)))
}

/** Fields that hold names as lists of strings, and nothing to walk. */
const NAME_FIELDS = ['objects', 'object', 'defnames', 'domainname', 'objname']

/** The types that rows, or a first value, are made of at once: what a domain checks is checked then. */
function typesRun({ type, body }: TypedNode): readonly Node[] {
  switch (type) {
    case 'AlterTableStmt':
      return typedNodesAt(body, 'cmds').flatMap(cmd => {
        const definition = typedAt(cmd.body, 'def')
        const type = definition?.type === 'ColumnDef' ? nodeAt(definition.body, 'typeName') : null
        return type === null ? [] : [type]
      })
    case 'AlterDomainStmt':
      return [{ names: body['typeName'] }]
    case 'DefineStmt':
      return typedNodesAt(body, 'definition').flatMap(({ body: option }) => {
        const value = typedAt(option, 'arg')
        return value?.type === 'TypeName' ? [value.body] : []
      })
    default:
      return []
  }
}

const describe = (declared: Declared, statement: Node): string => tagOf(declared, statement).toLowerCase()

export const tagOf = ({ tag }: Declared, statement: Node): string => (typeof tag === 'string' ? tag : tag(statement))

/** Relations that are named by a list of strings: DROP, COMMENT, SECURITY LABEL, and by RangeVar in GRANT. */
function touchNamed(context: Context, statement: Node, declared: Declared): void {
  const objectType =
    ['removeType', 'objtype', 'renameType', 'objectType'].map(field => textAt(statement, field)).find(Boolean) ?? ''
  const effect = declared.effects[0] ?? 'ddl'
  const place = context.places.whole
  const named = [...typedNodesAt(statement, 'objects'), ...typedObject(statement)]
  for (const { type, body } of named) {
    if (type === 'RangeVar') {
      const touch = { ...CHANGE, effect }
      touchRelation(context, textAt(body, 'schemaname'), textAt(body, 'relname'), touch, context.places.of(body))
      continue
    }
    const parts = nameParts(body, 'items')
    const relation = RELATION_TYPES.test(objectType)
      ? parts
      : PARTS_OF_RELATIONS.test(objectType)
        ? parts.slice(0, -1)
        : []
    const name = relation.at(-1)
    if (name !== undefined) touchRelation(context, relation.at(-2) ?? '', name, { ...CHANGE, effect }, place)
  }
}

/**
 * What happens to a schema happens to all in it: a renamed one takes its tables out from under their names, and with
 * them out from under rules and masks.
 */
function touchSchemas(context: Context, statement: Node): void {
  const isOfSchema = ['removeType', 'renameType', 'objectType'].some(
    field => textAt(statement, field) === 'OBJECT_SCHEMA',
  )
  if (!isOfSchema) return
  const object = nodeAt(statement, 'object')
  const named = [
    ...typedNodesAt(statement, 'objects').map(({ body }) => body),
    ...(object === null ? [] : [nodeAt(object, 'String')]),
  ]
  const schemas = new Set([
    textAt(statement, 'subname'),
    ...named.map(node => (node === null ? '' : textAt(node, 'sval'))),
  ])
  for (const { schema, name } of context.catalog.relations.values())
    if (schemas.has(schema)) touchRelation(context, schema, name, CHANGE, context.places.whole)
}

function typedObject(statement: Node): readonly TypedNode[] {
  const wrapped = nodeAt(statement, 'object')
  const body = wrapped === null ? null : nodeAt(wrapped, 'List')
  return body === null ? [] : [{ type: 'List', body }]
}

/** ALTER TABLE may hand over ownership or switch row security off, one step among others. */
const RIGHTS = /^AT_(ChangeOwner|.*RowSecurity)$/

const ownerEffects = ({ type, body }: TypedNode): readonly Effect[] =>
  type === 'AlterTableStmt' && typedNodesAt(body, 'cmds').some(cmd => RIGHTS.test(textAt(cmd.body, 'subtype')))
    ? ['dcl']
    : []
