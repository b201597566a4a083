import type { Catalog } from '@querywarden/policy-core'
import fc from 'fast-check'
import { quoted } from '../arbitraries/statements/print.ts'
import type { WrittenStatement } from '../arbitraries/statements/written-statement.ts'

/** Built-in functions that do something, called as the server takes them (PostgreSQL manual, chapter 9). */
const BUILT_IN_CALLS: Readonly<Record<string, string>> = {
  'pg_catalog.pg_sleep': '1',
  'pg_catalog.set_config': "'work_mem', '4MB', false",
  'pg_catalog.current_setting': "'work_mem'",
  'pg_catalog.nextval': "'s'",
  'pg_catalog.setval': "'s', 1",
  'pg_catalog.pg_notify': "'news', 'n'",
  'pg_catalog.pg_advisory_lock': '1',
  'pg_catalog.pg_terminate_backend': '1',
  'pg_catalog.pg_cancel_backend': '1',
  'pg_catalog.pg_reload_conf': '',
  'pg_catalog.pg_read_file': "'f'",
  'pg_catalog.pg_read_binary_file': "'f'",
  'pg_catalog.pg_ls_dir': "'.'",
  'pg_catalog.pg_stat_file': "'f'",
  'pg_catalog.lo_import': "'f'",
  'pg_catalog.lo_export': "1, 'f'",
  'pg_catalog.lo_unlink': '1',
  'pg_catalog.query_to_xml': "'select 1', true, true, ''",
  'pg_catalog.now': '',
  'pg_catalog.random': '',
  'pg_catalog.version': '',
}

const NO_CALL = { effects: [], relations: [], columns: [], isUnbounded: false } as const

/**
 * Calls of functions: of the catalog's, of built-in ones that do something, and of those that rules name. What they do isn't
 * known by construction.
 */
export function functionCalls(catalog: Catalog, patterns: readonly string[]): fc.Arbitrary<WrittenStatement> {
  const routines = [...catalog.userFunctions.values()]
    .flat()
    .map(({ schema, name, argumentsMin }) => [
      `${quoted(schema)}.${quoted(name)}`,
      'null, '.repeat(argumentsMin).slice(0, -2),
    ])
  const named = patterns
    .filter(pattern => !pattern.includes('*') && BUILT_IN_CALLS[pattern] === undefined)
    .map(pattern => [pattern, ''])
  const calls = [...named, ...Object.entries(BUILT_IN_CALLS), ...routines]
  return fc
    .constantFrom(...calls)
    .map(([name, values]) => ({ ...NO_CALL, text: `SELECT ${name}(${values})`, verb: 'select' }))
}
