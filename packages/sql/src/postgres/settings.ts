import type { Place, ProhibitionCode } from '@querywarden/policy-core'
import type { Context } from './context.ts'
import { flagAt, type Node, nodeAt, nodesAt, numberAt, type TypedNode, textAt, typedAt, typedNode } from './node.ts'

/** What must hold for as long as a session lives, because the classifier reads texts and names by it. */
const PINNED: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    standard_conforming_strings: ['on', 'true', 'yes', '1'],
    client_encoding: ['utf8', 'unicode'],
    backslash_quote: [],
    search_path: [],
    session_replication_role: [],
    // Neither value shows a row that the other hides: off makes an error of what on leaves out (manual, 20.11.1).
    row_security: ['on', 'true', 'yes', '1', 'off', 'false', 'no', '0'],
    session_preload_libraries: [],
    local_preload_libraries: [],
    dynamic_library_path: [],
  }).map(([name, values]) => [name, new Set(values)]),
)

/** Settings that change who the session is. */
const ROLES = new Set(['role', 'session_authorization'])

const HINT = 'leave it as the gateway sets it'

/** Why a setting may not be given a value (null: one that isn't known, or its default), or null where it may. */
export function prohibitedBy(name: string, value: string | null): ProhibitionCode | null {
  const setting = name.toLowerCase()
  if (ROLES.has(setting)) return 'ROLE_CHANGE'
  const same = PINNED.get(setting)
  if (same === undefined) return null
  const plain = value?.toLowerCase().replace(/[^a-z0-9]/g, '')
  return plain !== undefined && same.has(plain) ? null : 'PINNED_SETTING'
}

/** Notes that the statement would change a setting that the gateway rests on. */
export function judgeSetting(context: Context, name: string, value: string | null, place: Place): void {
  const code = prohibitedBy(name, value)
  if (code === null) return
  const message =
    code === 'ROLE_CHANGE' ? 'a session may not change its role' : `the setting \`${name.toLowerCase()}\` is pinned`
  context.prohibitions.push({ code, message, hint: HINT, place })
}

export function prohibitAnySetting(context: Context, message: string, place: Place): void {
  context.prohibitions.push({ code: 'PINNED_SETTING', message, hint: HINT, place })
}

/** Judges SET and RESET, wherever they are: alone, or in ALTER ROLE, ALTER DATABASE, ALTER SYSTEM, CREATE FUNCTION. */
export function judgeSet(context: Context, set: Node): void {
  const place = context.places.of(set)
  const name = textAt(set, 'name')
  switch (textAt(set, 'kind')) {
    case 'VAR_RESET_ALL':
      prohibitAnySetting(context, 'RESET ALL would reset pinned settings', place)
      return
    case 'VAR_SET_VALUE': {
      const args = nodesAt(set, 'args')
      judgeSetting(context, name, args.length === 1 ? constantText(typedNode(args[0] ?? {})) : null, place)
      return
    }
    case 'VAR_SET_MULTI':
      return
    default:
      judgeSetting(context, name, null, place)
  }
}

/** The text of a constant, through casts to built-in text types; null where it isn't one. */
export function constantText(typed: TypedNode | null): string | null {
  if (typed === null) return null
  if (typed.type === 'TypeCast') return constantText(typedAt(typed.body, 'arg'))
  if (typed.type !== 'A_Const') return null
  const text = nodeAt(typed.body, 'sval')
  if (text !== null) return textAt(text, 'sval')
  const flag = nodeAt(typed.body, 'boolval')
  if (flag !== null) return flagAt(flag, 'boolval') ? 'true' : 'false'
  const integer = nodeAt(typed.body, 'ival')
  return integer === null ? null : String(numberAt(integer, 'ival'))
}
