import { type Catalog, type FunctionCall, type Place, type RelationName, relationKey } from '@querywarden/policy-core'
import { type Context, type Scope, useFunction, type Visitor } from './context.ts'
import { builtInClass, builtInEffect } from './functions/classify-function.ts'
import { isJsonMaker, useJsonCasts } from './json-casts.ts'
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
import { type Arity, findRoutines, runRoutines } from './routines/find-routines.ts'
import { constantText, judgeSetting, prohibitAnySetting } from './settings.ts'

/** A function call: what it does, and its arguments. */
export const visitCall: Visitor = (context, call, scope, typed) => {
  const parts = nameParts(call, 'funcname')
  const place = context.places.of(call)
  const named = callNamed(context, parts, place)
  context.calls.push(named)
  useFunctionNamed(context, parts, call, named)
  if (isJsonMaker(parts.at(-1) ?? '')) useJsonCasts(context, place)
  // `ssn(t)` is the column ssn of t where no function fits (ParseFuncOrColumn in parse_func.c).
  const [only] = parts
  if (typedNodesAt(call, 'args').length === 1) {
    if (parts.length === 1 && only !== undefined) context.mentions.push({ name: only, qualifier: [], place })
    // `age('5')` is a cast where age is a type, even if there is a function of the name (func_get_detail in parse_func.c).
    useType(context, { names: call['funcname'], location: call['location'] })
  }
  context.visitFields(typed, scope, ['funcname'])
}

/** A call as facts tell of it. What may be a function of this database is none of the server's own. */
function callNamed({ catalog }: Context, parts: readonly string[], place: Place): FunctionCall {
  const [first = '', second = ''] = parts
  if (parts.length === 2 && first === 'information_schema' && HELPERS.has(second))
    return { name: parts.join('.'), class: 'pure', place }
  const pure = builtInClass(parts.at(-1) ?? '').class === 'unknown' ? pureFunction(catalog, parts) : null
  if (pure !== null && !catalog.userFunctions.has(pure.name))
    return { name: `${pure.schema}.${pure.name}`, class: 'pure', place }
  const isOwn = parts.length === 1 ? !catalog.userFunctions.has(first) : parts.length === 2 && first === 'pg_catalog'
  const name = parts.length === 1 ? first : second
  const kind = isOwn ? builtInClass(name).class : 'unknown'
  return { name: kind === 'unknown' ? parts.join('.') : `pg_catalog.${name}`, class: kind, place }
}

/** What the views of information_schema compute with, immutable all. Drivers call the first to list keys. */
const HELPERS: ReadonlySet<string> = new Set([
  '_pg_expandarray',
  '_pg_truetypid',
  '_pg_truetypmod',
  '_pg_char_max_length',
  '_pg_char_octet_length',
  '_pg_numeric_precision',
  '_pg_numeric_precision_radix',
  '_pg_numeric_scale',
  '_pg_datetime_precision',
  '_pg_interval_type',
])

function useFunctionNamed(context: Context, parts: readonly string[], call: Node, named: FunctionCall): void {
  const { place } = named
  const written = parts.join('.')
  const [first = '', second = ''] = parts
  if (parts.length === 2 && first === 'information_schema' && HELPERS.has(second)) return
  const looked = findRoutines(context.catalog, parts, arityOf(call))
  // Nothing but a superuser's own function stands beside the server's in its schema, and that one would be seen.
  const found = looked.kind === 'unseen' && first === 'pg_catalog' ? ({ kind: 'none' } as const) : looked
  if (found.kind === 'found') runRoutines(context, found.routines, place)
  const isPure = pureFunction(context.catalog, parts) !== null
  if (parts.length > 2 || (parts.length === 2 && first !== 'pg_catalog')) {
    if (found.kind !== 'found' && !(found.kind === 'none' && isPure))
      useFunction(context, 'unknown', written, 'is neither a listed built-in function nor one in the catalog', place)
    return
  }
  const name = parts.length === 2 ? second : first
  if (found.kind === 'unseen') {
    useFunction(context, 'unknown', name, 'may be a function of this database', place)
    // Or the built-in one, with all that it can do.
    if (name === 'set_config') useSetConfig(context, call, place)
    return
  }
  if (name === 'set_config') useSetConfig(context, call, place)
  else if (name === 'current_setting') useCurrentSetting(context, call, place)
  else {
    const does = builtInEffect(name)
    // Where the database has one of the name that fits, the server's own need not be there.
    if (does === null || ((found.kind === 'found' || isPure) && !does.listed)) return
    const range = does.listed || found.kind !== 'none' || parts.length > 1 ? null : soleRange(call)
    if (range !== null) context.columnCalls.push({ call: named, range, why: does.why })
    else useFunction(context, does.effect, does.listed ? `pg_catalog.${name}` : written, does.why, place)
  }
}

/** Where a name can stand for a function of an extension that computes and no more, what that is; else null. */
function pureFunction(
  { pureFunctions, userTypes, searchPath }: Catalog,
  parts: readonly string[],
): RelationName | null {
  const [name = '', written] = [parts.at(-1), parts.at(-2)]
  // Making a range of its own type may run what the type brings.
  if (pureFunctions === undefined || parts.length > 2 || userTypes.has(name)) return null
  const schemas = written === undefined ? searchPath : [written]
  const schema = schemas.find(each => pureFunctions.has(relationKey({ schema: each, name })))
  return schema === undefined ? null : { schema, name }
}

/** The name that is a call's one argument, if it has but that: `t` of `f(t)` and `f(t.*)`. */
function soleRange(call: Node): string | null {
  const [only, another] = typedNodesAt(call, 'args')
  const plain = ['agg_star', 'agg_distinct', 'agg_within_group', 'func_variadic'].every(flag => !flagAt(call, flag))
  if (only?.type !== 'ColumnRef' || another !== undefined || !plain) return null
  const held = ['over', 'agg_filter', 'agg_order'].some(field => call[field] !== undefined)
  const [name, star] = typedNodesAt(only.body, 'fields')
  const isRow = star === undefined || (star.type === 'A_Star' && typedNodesAt(only.body, 'fields').length === 2)
  return held || name === undefined || !isRow ? null : stringOf(name)
}

/** `f(*)` and `f() WITHIN GROUP` are calls of aggregates; VARIADIC hands over all of the last arguments as one. */
const arityOf = (call: Node): Arity =>
  flagAt(call, 'agg_within_group') || flagAt(call, 'func_variadic') ? null : typedNodesAt(call, 'args').length

function useSetConfig(context: Context, call: Node, place: Place): void {
  useFunction(context, 'session', 'pg_catalog.set_config', 'changes a setting', place)
  const name = constantText(argument(call, 0, 'setting_name'))
  if (name === null) prohibitAnySetting(context, 'set_config needs a constant name, expected a literal', place)
  else judgeSetting(context, name, constantText(argument(call, 1, 'new_value')), place)
}

/** A setting of the server shows no more than SHOW does; one with a dot is anybody's, and may hold anything. */
function useCurrentSetting(context: Context, call: Node, place: Place): void {
  const name = constantText(argument(call, 0, 'setting_name'))
  if (name === null || !/^[a-z_]+$/i.test(name))
    useFunction(context, 'unknown', 'pg_catalog.current_setting', 'reads a setting that is not known', place)
}

/** An argument by its name where arguments are named, else by its position. */
function argument(call: Node, position: number, name: string): TypedNode | null {
  const args = typedNodesAt(call, 'args')
  const named = args.find(({ type, body }) => type === 'NamedArgExpr' && textAt(body, 'name') === name)
  if (named !== undefined) return typedAt(named.body, 'arg')
  const placed = args[position]
  return placed === undefined || placed.type === 'NamedArgExpr' ? null : placed
}

/** TABLESAMPLE runs a function too. */
export const visitTableSample: Visitor = (context, sample, scope, typed) => {
  const parts = nameParts(sample, 'method')
  const name = parts.at(-1) ?? ''
  const isOwn = parts.length > 1 ? parts[0] === 'pg_catalog' : !context.catalog.userFunctions.has(name)
  if (!isOwn || (name !== 'system' && name !== 'bernoulli'))
    useFunction(context, 'unknown', parts.join('.'), 'is not a listed sampling method', context.places.of(sample))
  context.visitFields(typed, scope, ['method'])
}

/** Notes operators that this database defines. `names` as written, with or without a schema. */
export function useOperator(context: Context, names: readonly string[], place: Place): void {
  const name = names.at(-1) ?? ''
  const written = names.join('.')
  const routines = context.catalog.userOperators.get(name)
  const isQualified = names.length > 1
  if (routines !== undefined && routines.length > 0)
    runRoutines(context, routines, place, { kind: 'operator', name: written })
  else if (isQualified && names[0] !== 'pg_catalog')
    useFunction(context, 'unknown', written, 'is not a built-in operator', place)
  else if (routines !== undefined && !isQualified)
    useFunction(context, 'unknown', written, 'may be an operator of this database', place)
}

/** Notes a type whose input or casts may run code of this database. */
export function useType(context: Context, type: Node): void {
  const names = nameParts(type, 'names')
  const routines = context.catalog.userTypes.get(names.at(-1) ?? '')
  const place = context.places.of(type)
  if (isJsonMaker(names.at(-1) ?? '')) useJsonCasts(context, place)
  if (routines === undefined) return
  if (routines.length > 0) runRoutines(context, routines, place, { kind: 'cast', name: names.join('.') })
  else if (!(names.length > 1 && names[0] === 'pg_catalog'))
    useFunction(context, 'unknown', names.join('.'), 'is a type that may run code', place)
}

/** A cast. In DDL bare types run nothing; casts always do. */
export const visitCast: Visitor = (context, cast, scope, typed) => {
  const type = nodeAt(cast, 'typeName')
  if (type !== null) useType(context, type)
  context.visitFields(typed, scope, ['typeName'])
}

export const visitType: Visitor = (context, type, scope: Scope, typed) => {
  if (scope.relations !== 'ddl') useType(context, type)
  context.visitFields(typed, scope, ['names'])
}
