import { expect, test } from 'vitest'
import type { CatalogRelation } from '../catalog.ts'
import { type Catalog, relationKey } from '../catalog.ts'
import { formatIssue } from '../errors.ts'
import { checkPolicy, checkTargets } from './check-policy-on.ts'
import { parsePolicy } from './parse.ts'

const relation = (name: string, columns: readonly string[]): CatalogRelation => ({
  schema: 'app',
  name,
  oid: 1,
  kind: 'table',
  opaque: null,
  reactions: [],
  columns: columns.map((column, index) => ({
    name: column,
    attnum: index + 1,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [],
  })),
})
const relations = [relation('people', ['id', 'ssn']), relation('orders', ['id', 'total'])]
const catalog: Catalog = {
  fingerprint: 'c',
  major: 17,
  searchPath: ['app'],
  relations: new Map(relations.map(one => [relationKey(one), one])),
  userFunctions: new Map([['price_of', []]]),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}
const issuesOf = (document: object) =>
  checkPolicy(parsePolicy({ version: 1, ...document }), catalog, 'main').map(
    issue => `${issue.severity ?? 'error'} ${formatIssue(issue)}`,
  )
const allow = (id: string, what: object, more: object = {}) => ({ id, decision: 'allow', what, ...more })
const deny = (id: string, what: object, more: object = {}) => ({ id, decision: 'deny', what, ...more })

test('patterns that match nothing are told, those without a wildcard as errors', () => {
  const rules = [
    allow('a', {
      effects: ['read'],
      relations: ['app.people', 'app.peple', 'hr.*', '*.ord*', 'hr.people', 'App.Orders', 'app.nothing'],
    }),
    deny('b', { columns: ['app.people.snn', '*.*.card', '*.*.ssn'] }),
    allow('c', {
      effects: ['unknown'],
      functions: ['app.price_of', 'app.cost_of', 'pg_catalog.pg_sleep', '*.dblink*'],
    }),
    deny('elsewhere', { relations: ['gone.*'] }, { on: { targets: ['other'] } }),
  ]
  expect(issuesOf({ rules, masks: [{ columns: ['*.*.iban'], with: 'redact' }] })).toEqual([
    'error rules[0].what.relations[1]: app.peple names no relation of the database, did you mean app.people?',
    'error rules[0].what.relations[4]: hr.people names no relation of the database, did you mean app.people?',
    'error rules[0].what.relations[5]: App.Orders names no relation of the database, did you mean app.orders?',
    'error rules[0].what.relations[6]: app.nothing names no relation of the database',
    'error rules[1].what.columns[0]: app.people.snn names no column of the relation, did you mean ssn?',
    'warning rules[0].what.relations[2]: hr.* matches no relation of the database',
    'warning rules[1].what.columns[1]: *.*.card matches no column of the database',
    'warning rules[2].what.functions[1]: app.cost_of matches no function of the database',
    'warning masks[0].columns[0]: *.*.iban matches no column of the database',
  ])
})

test('a rule of which denies leave nothing in this database is told, and one with anything left is not', () => {
  const write = allow('write', { effects: ['write'], relations: ['app.*'] })
  const no = (id: string, name: string, more: object = {}) => deny(id, { relations: [`app.${name}`], ...more })
  const told = 'warning rules[0]: lets nothing through: no-orders, no-people denies all that it matches'
  expect(issuesOf({ rules: [write, no('no-people', 'people'), no('no-orders', 'orders')] })).toEqual([told])
  const left = [
    [no('no-people', 'people')],
    [no('no-people', 'people'), no('no-orders', 'orders', { access: ['delete'] })],
    [no('no-people', 'people'), no('no-orders', 'orders', { 'in-transaction': true })],
    [no('no-people', 'people'), { ...no('no-orders', 'orders'), who: { groups: ['x'] } }],
    [no('no-people', 'people'), { ...no('no-orders', 'orders'), on: { until: '2030-01-01T00:00:00Z' } }],
  ]
  for (const denies of left) expect(issuesOf({ rules: [write, ...denies] })).toEqual([])
  // An allow of reading lets through what touches no relation too.
  const read = allow('read', { effects: ['read'], relations: ['app.*'] })
  expect(issuesOf({ rules: [read, no('no-people', 'people'), no('no-orders', 'orders')] })).toEqual([])
})

test('a rule that one deny leaves no say is told, and does not keep the deny from being', () => {
  const rules = [
    allow('fix-orders', { effects: ['write'], relations: ['app.orders'], access: ['update'] }),
    allow('read', { effects: ['read'], relations: ['app.orders'] }),
    deny('stop', { relations: ['app.*'] }),
  ]
  const told = 'warning rules[0]: can never fire: rule stop decides deny wherever it matches'
  expect(issuesOf({ rules })).toEqual([told])
})

test('masks that meet on a column are told once, with the one that holds', () => {
  const masks = [
    { columns: ['app.people.*'], with: 'email' },
    { columns: ['*.*.ssn', '*.*.id'], with: 'null' },
    { columns: ['app.people.id'], with: 'email' },
  ]
  expect(issuesOf({ rules: [], masks })).toEqual([
    'warning masks[1]: meets masks[0] on app.people.id: whoever both are for sees it by null',
  ])
})

test('what is about no target of a configuration is told, whatever it is', () => {
  const on = (...targets: readonly string[]) => ({ on: { targets } })
  const policy = parsePolicy({
    version: 1,
    rules: [deny('a', { unbounded: true }, on('mian', 'ma*')), deny('b', { unbounded: true })],
    masks: [{ columns: ['*.*.ssn'], with: 'redact', ...on('staging-*') }],
    limits: [{ rows: 1, ...on('main') }],
  })
  expect(checkTargets(policy, ['main', 'reports']).map(formatIssue)).toEqual([
    'rules[0].on.targets[0]: mian matches no target of the configuration, did you mean main?',
    'masks[0].on.targets[0]: staging-* matches no target of the configuration',
  ])
})
