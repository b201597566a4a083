import type { CopyFormat } from '@querywarden/policy-core'
import { flagAt, type Node, numberAt, stringOf, type TypedNode, textAt, typedAt, typedNodesAt } from './node.ts'

/** Options that leave open nothing about how rows are written. */
const NO_MATTER: ReadonlySet<string> = new Set(['force_quote'])
/** Names of UTF8, as the server reads them: pg_encname_tbl in src/common/encnames.c, letters and digits alone. */
const UTF8: ReadonlySet<string> = new Set(['utf8', 'unicode'])
const ASCII_MAX = 0x7f

/**
 * How a COPY writes its rows, by its options in either syntax; null where one isn't known, is given twice, or where the
 * server would take it otherwise than as written. Source: ProcessCopyOptions in src/backend/commands/copy.c.
 */
export function copyFormatOf(copy: Node): CopyFormat | null {
  const options = optionsOf(copy)
  if (options === null) return null
  const format = textOf(options, 'format') ?? 'text'
  const encoding = textOf(options, 'encoding')
  if (encoding !== null && !UTF8.has(encoding.toLowerCase().replace(/[^a-z0-9]/g, ''))) return null
  if (format === 'binary') return options.size === (encoding === null ? 1 : 2) ? { kind: 'binary' } : null
  const isCsv = format === 'csv'
  if (!isCsv && format !== 'text') return null

  const hasHeader = headerOf(options)
  const delimiter = textOf(options, 'delimiter') ?? (isCsv ? ',' : '\t')
  const nullText = textOf(options, 'null') ?? (isCsv ? '' : '\\N')
  const quote = textOf(options, 'quote') ?? '"'
  const escapeSign = textOf(options, 'escape') ?? quote
  if (hasHeader === null || ![delimiter, quote, escapeSign].every(isSign)) return null
  if (isCsv) return { kind: 'csv', delimiter, nullText, quote, escape: escapeSign, hasHeader }
  // A NULL with a backslash in it can't be told from an escape.
  if (nullText !== '\\N' && nullText.includes('\\')) return null
  return options.has('quote') || options.has('escape') ? null : { kind: 'text', delimiter, nullText, hasHeader }
}

const isSign = (text: string): boolean => text.length === 1 && text.charCodeAt(0) <= ASCII_MAX

/** Options by name, with what they are given: null for nothing. */
type Options = ReadonlyMap<string, TypedNode | null>

const KNOWN: ReadonlySet<string> = new Set(['format', 'encoding', 'header', 'delimiter', 'null', 'quote', 'escape'])
/** What nothing but a text can be given. */
const TEXTS = [...KNOWN].filter(name => name !== 'header')

function optionsOf(copy: Node): Options | null {
  const options = new Map<string, TypedNode | null>()
  for (const { type, body } of typedNodesAt(copy, 'options')) {
    const name = textAt(body, 'defname')
    if (type !== 'DefElem' || options.has(name) || !(KNOWN.has(name) || NO_MATTER.has(name))) return null
    if (!NO_MATTER.has(name)) options.set(name, typedAt(body, 'arg'))
  }
  return TEXTS.some(name => options.has(name) && stringOf(options.get(name) ?? null) === null) ? null : options
}

const textOf = (options: Options, name: string): string | null => stringOf(options.get(name) ?? null)

/** As defGetCopyHeaderOption reads it; null for what it refuses, or means for rows that come in. */
function headerOf(options: Options): boolean | null {
  const given = options.get('header')
  if (given === undefined) return false
  if (given === null) return true
  if (given.type === 'Boolean') return flagAt(given.body, 'boolval')
  if (given.type === 'Integer') return { 0: false, 1: true }[numberAt(given.body, 'ival')] ?? null
  return { true: true, on: true, false: false, off: false }[stringOf(given)?.toLowerCase() ?? ''] ?? null
}
