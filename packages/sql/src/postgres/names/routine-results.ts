import type { CatalogRoutine } from '@querywarden/policy-core'
import { type Node, nameParts } from '../node.ts'
import type { Binder } from './binder.ts'
import { builtInName } from './built-in-calls.ts'
import type { RowTypes } from './flow.ts'
import { isScalar, rowTypeWritten } from './row-types.ts'

/** What a call gives in FROM. */
export interface CallResult {
  /** The names of its columns, empty for one that goes by the alias; null where they aren't known. */
  readonly columns: readonly string[] | null
  /** The relations whose rows it may give. */
  readonly rowTypes: RowTypes
}

const UNKNOWN: CallResult = { columns: null, rowTypes: 'any' }

/**
 * Functions of the server by the names of the columns that they give, in order; empty for the one column that goes by the
 * alias, or by the function's name (manual, 9.26 Set Returning Functions, 9.16.1, 9.4).
 */
const BUILT_IN_COLUMNS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['generate_series', ['']],
  ['generate_subscripts', ['']],
  ['regexp_matches', ['']],
  ['regexp_split_to_table', ['']],
  ['string_to_table', ['']],
  ['json_object_keys', ['']],
  ['jsonb_object_keys', ['']],
  ['json_array_elements', ['value']],
  ['jsonb_array_elements', ['value']],
  ['json_array_elements_text', ['value']],
  ['jsonb_array_elements_text', ['value']],
  ['json_each', ['key', 'value']],
  ['jsonb_each', ['key', 'value']],
  ['json_each_text', ['key', 'value']],
  ['jsonb_each_text', ['key', 'value']],
])

/** What a call gives, by how the function is declared. */
export function resultOfCall(binder: Binder, call: Node): CallResult {
  const builtIn = builtInName(binder, call)
  // A built-in one gives rows of a relation only where its arguments are of that type.
  if (builtIn !== null) return { columns: BUILT_IN_COLUMNS.get(builtIn) ?? null, rowTypes: [] }
  const parts = nameParts(call, 'funcname')
  const schema = parts.at(-2)
  const routines = (binder.catalog.userFunctions.get(parts.at(-1) ?? '') ?? []).filter(
    routine => schema === undefined || routine.schema === schema,
  )
  const [first, ...others] = routines.map(({ declaration }) => declaration)
  // One bare name may be of several functions, and of a built-in one besides.
  if (first === undefined || others.some(other => other?.result !== first.result)) return UNKNOWN
  return others.length === 0 ? declared(binder, first) : { ...declared(binder, first), columns: null }
}

function declared(binder: Binder, { parameters, result }: NonNullable<CatalogRoutine['declaration']>): CallResult {
  const type = result.replace(/^SETOF /, '')
  const table = /^TABLE\((.*)\)$/s.exec(type)?.[1]
  if (table !== undefined) return { columns: namesOf(partsOf(table)), rowTypes: [] }
  const outs = partsOf(parameters).flatMap(part => /^(?:OUT|INOUT) (.*)$/s.exec(part)?.[1] ?? [])
  if (outs.length > 0) return { columns: namesOf(outs), rowTypes: [] }
  const relation = rowTypeWritten(binder, type)
  if (relation !== null) return { columns: null, rowTypes: [relation] }
  return {
    columns: isScalar(type) ? [''] : null,
    rowTypes: type === 'record' || POLYMORPHIC.test(type) ? 'any' : [],
  }
}

const POLYMORPHIC = /^any/

/** The parts of a list as the server writes it: by the commas outside of parentheses and quotes. */
function partsOf(list: string): readonly string[] {
  const parts = ['']
  let depth = 0
  for (const [token] of list.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|./gs)) {
    if (token === '(' || token === '[') depth += 1
    if (token === ')' || token === ']') depth -= 1
    if (token === ',' && depth === 0) parts.push('')
    else parts.push((parts.pop() ?? '') + token)
  }
  return parts.map(part => part.trim())
}

/** The names at the beginning of parameters; null where one may have none. */
function namesOf(parameters: readonly string[]): readonly string[] | null {
  const names: string[] = []
  for (const parameter of parameters) {
    const [, quoted, plain] = /^(?:"((?:[^"]|"")*)"|([a-z_][a-z0-9_$]*)) ./s.exec(parameter) ?? []
    if (plain !== undefined && FIRST_WORDS.has(plain)) return null
    const name = quoted?.replaceAll('""', '"') ?? plain
    if (name === undefined) return null
    names.push(name)
  }
  return names
}

/** Words that types of several words begin with: without a name before it such a type looks like one. */
const FIRST_WORDS: ReadonlySet<string> = new Set(['bit', 'character', 'double', 'interval', 'time', 'timestamp'])
