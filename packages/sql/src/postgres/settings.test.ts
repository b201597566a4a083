import { beforeAll, describe, expect, test } from 'vitest'
import { smallCatalog } from '../../test/small-catalog.ts'
import { type PostgresClassifier, postgresClassifier } from './classify.ts'
import { DEFAULT_LIMITS } from './limits.ts'

let classifier: PostgresClassifier
beforeAll(async () => {
  classifier = await postgresClassifier({ majors: [18], cacheEntriesMax: 0, limits: DEFAULT_LIMITS })
})

const catalog = smallCatalog({ major: 18 })
function prohibitions(text: string): readonly string[] {
  const facts = classifier.classify({ dialect: 'postgres', text, params: [] }, catalog)
  if (facts.kind === 'opaque') throw new Error(facts.message)
  return facts.prohibitions.map(({ code }) => code)
}

describe('T1, T2, N1: pinned settings cannot be changed by any route', () => {
  test.each([
    'set standard_conforming_strings = off',
    'set local standard_conforming_strings to off',
    'set "Standard_Conforming_Strings" = off',
    'reset standard_conforming_strings',
    'set standard_conforming_strings to default',
    'set standard_conforming_strings from current',
    "select set_config('standard_conforming_strings', 'off', false)",
    "select pg_catalog.set_config(new_value => 'off', is_local => false, setting_name => 'standard_conforming_strings')",
    "select set_config('search_' || 'path', 'x', false)",
    'select set_config(name, ssn, false) from customers',
    'select 1 from orders where set_config($1, $2, false) is not null',
    "alter role r set search_path = 'x'",
    'alter role all reset all',
    'alter database d set client_encoding = sjis',
    'alter system set backslash_quote = on',
    "create function f() returns int language sql set search_path = x as 'select 1'",
    'alter function f() set standard_conforming_strings = off',
    "set names 'SJIS'",
    "set client_encoding = 'LATIN1'",
    'reset client_encoding',
    "set schema 'x'",
    'set search_path = x, y',
    'set session_replication_role = replica',
    'reset row_security',
    'reset all',
    'discard all',
    'prepare p as select set_config($1, $2, false)',
    "explain select set_config('search_path', 'x', true)",
  ])('%s', text => expect(prohibitions(text)).toContain('PINNED_SETTING'))

  test.each([
    'set role x',
    'set local role none',
    'reset role',
    'set session authorization x',
    'reset session authorization',
    "select set_config('ROLE', 'x', true)",
  ])('%s', text => expect(prohibitions(text)).toContain('ROLE_CHANGE'))

  test.each([
    "set client_encoding = 'UTF8'",
    "set names 'utf-8'",
    'set standard_conforming_strings = on',
    "set work_mem = '8MB'",
    'set escape_string_warning = off',
    'set default_transaction_read_only = off',
    "set time zone 'UTC'",
    "set my.flag = '1'",
    "select set_config('work_mem', '8MB', false)",
    'discard plans',
    'set row_security = off',
    "set local row_security to 'on'",
  ])('%s is left to policy', text => expect(prohibitions(text)).toEqual([]))
})
