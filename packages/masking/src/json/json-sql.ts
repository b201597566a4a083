import type { JsonType } from '../column-type.ts'
import { byCodePoint, call, cast, literal } from '../sql-text.ts'
import type { JsonLeaf } from './json-leaf.ts'
import { JSON_BYTES_MAX, UNREADABLE_ESCAPE, WELL_FORMED_ESCAPES } from './json-limits.ts'
import type { JsonPlan } from './json-plan.ts'

/**
 * A masked document as SQL: taken apart and put together as text, one subquery a step. The functions that take json apart
 * raise on escapes that no text can hold, so documents with these are NULL; jsonb has none.
 */
export function jsonSql(plan: JsonPlan, { flavour, sql: type }: JsonType, reference: string): string {
  const text = cast(reference, TEXT)
  const isTooLong = call('int4gt', call('octet_length', text), `${JSON_BYTES_MAX}`)
  const readable = call('regexp_replace', byCodePoint(text), literal(WELL_FORMED_ESCAPES), literal(' '), literal('g'))
  const isUnreadable = call('textregexeq', byCodePoint(readable), literal(UNREADABLE_ESCAPE))
  const isRefused = [`${reference} IS NULL`, isTooLong, ...(flavour === 'json' ? [isUnreadable] : [])].join(' OR ')
  return `CASE WHEN ${isRefused} THEN NULL ELSE ${cast(shown(plan, flavour, reference, 1), type)} END`
}

const TEXT = 'pg_catalog.text'

/** The JSON, as text, that is shown for a value. `depth` keeps the names of nested subqueries apart. */
function shown(plan: JsonPlan, flavour: JsonType['flavour'], value: string, depth: number): string {
  switch (plan.kind) {
    case 'leaf':
      return leafSql(plan.leaf, flavour, value, depth)
    case 'each':
      return eachSql(plan.item, flavour, value, depth)
    case 'object':
      return objectSql(plan.members, flavour, value, depth)
  }
}

function eachSql(item: JsonPlan, flavour: JsonType['flavour'], value: string, depth: number): string {
  const isArray = isOf(flavour, value, 'array')
  const list = `CASE WHEN ${isArray} THEN ${value} ELSE ${call(`${flavour}_build_array`, value)} END`
  const row = `e${depth}`
  // Of one element, which is no array's, the joined text is the element's own. It is written once, or nesting would double it.
  const joined = joinedSql(shown(item, flavour, `${row}.value`, depth + 1), row)
  const from = `${call(`${flavour}_array_elements`, list)} WITH ORDINALITY AS ${row}(value, place)`
  const bracket = (sign: string): string => `CASE WHEN ${isArray} THEN ${literal(sign)} ELSE '' END`
  return `(SELECT ${enclosed(bracket('['), joined, bracket(']'))} FROM ${from})`
}

function objectSql(
  members: ReadonlyMap<string, JsonPlan>,
  flavour: JsonType['flavour'],
  value: string,
  depth: number,
): string {
  const row = `m${depth}`
  const cases = [...members].map(([name, plan]) => {
    const isNamed = call('texteq', byCodePoint(`${row}.name`), literal(name))
    return `WHEN ${isNamed} THEN ${shown(plan, flavour, `${row}.value`, depth + 1)}`
  })
  const valueText = `CASE ${cases.join(' ')} ELSE ${cast(`${row}.value`, TEXT)} END`
  const nameText = cast(call('to_json', `${row}.name`), TEXT)
  const joined = joinedSql(call('textcat', call('textcat', nameText, literal(': ')), valueText), row)
  const from = `${call(`${flavour}_each`, value)} WITH ORDINALITY AS ${row}(name, value, place)`
  const object = `(SELECT ${enclosed(literal('{'), joined, literal('}'))} FROM ${from})`
  return `CASE WHEN ${isOf(flavour, value, 'object')} THEN ${object} ELSE 'null' END`
}

function leafSql(leaf: JsonLeaf, flavour: JsonType['flavour'], value: string, depth: number): string {
  if (leaf.kind === 'fixed') return cast(literal(leaf.json), TEXT)
  const row = `t${depth}`
  const masked = cast(call('to_json', cast(leaf.mask.sql(`${row}.v`), TEXT)), TEXT)
  const text = call(`${flavour}_extract_path_text`, value, `VARIADIC CAST('{}' AS pg_catalog.text[])`)
  const isText = `${isOf(flavour, value, 'string')} OR ${isOf(flavour, value, 'number')}`
  return `CASE WHEN ${isText} THEN (SELECT ${masked} FROM ${text} AS ${row}(v)) ELSE 'null' END`
}

const isOf = (flavour: JsonType['flavour'], value: string, kind: string): string =>
  call('texteq', byCodePoint(call(`${flavour}_typeof`, value)), literal(kind))

const joinedSql = (text: string, row: string): string =>
  call('string_agg', text, `${literal(', ')} ORDER BY ${row}.place`)

const enclosed = (open: string, text: string, close: string): string =>
  call('textcat', call('textcat', open, `COALESCE(${text}, '')`), close)
