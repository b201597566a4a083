import { expect, test } from 'vitest'
import { type Catalog, relationKey } from '../catalog.ts'
import { formatIssue } from '../errors.ts'
import { checkMasks } from './check-masks.ts'
import { parsePolicy } from './parse.ts'

const ssn = { name: 'ssn', attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] }
const customers = { schema: 'public', name: 'customers', oid: 1, kind: 'table', columns: [ssn], opaque: null } as const
const catalog: Catalog = {
  fingerprint: 'c1',
  major: 18,
  searchPath: ['public'],
  relations: new Map([[relationKey(customers), customers]]),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}

const policy = parsePolicy({
  version: 1,
  rules: [
    {
      id: 'a',
      decision: 'allow',
      what: { relations: ['public.customers', 'public.gone', 'nowhere.*', 'pg_catalog.pg_class'] },
    },
  ],
  masks: [
    { columns: ['public.customers.ssn', 'public.customers.sss', '*.*.nothing'], with: 'redact' },
    { columns: ['public.absent.ssn'], with: 'redact', on: { targets: ['other'] } },
  ],
})

test('what a policy names exactly must exist', () => {
  expect(checkMasks(policy, catalog).map(formatIssue)).toEqual([
    'rules[0].what.relations[1]: public.gone names no relation of the database',
    'masks[0].columns[1]: public.customers.sss names no column of the relation, did you mean ssn?',
    'masks[1].columns[0]: public.absent.ssn names no relation of the database',
  ])
})

test('what a policy says of other targets is not held against this one', () => {
  expect(checkMasks(policy, catalog, 'app').map(({ path }) => path[0])).toEqual(['rules', 'masks'])
})
