import { expect, test } from 'vitest'
import { ownSearchPath } from './search-path.ts'

test.each<readonly [string, readonly string[] | null]>([
  ['public', ['public']],
  ['Public, crm', ['public', 'crm']],
  ['"Odd, ""schema""", public', ['Odd, "schema"', 'public']],
  ['pg_catalog, public, pg_temp', ['public']],
  ['', []],
  ['""', []],
  ['"$user", public', null],
  ['$user', null],
  ['public, pg_catalog', null],
  ['pg_temp, public', null],
  ['public crm', null],
  ['"public', null],
])('N1: a search path of a routine is read as the server reads it: %s', (value, expected) => {
  expect(ownSearchPath(value)).toEqual(expected)
})
