import { expect, test } from 'vitest'
import { type Catalog, relationKey } from '../catalog.ts'
import { formatIssue } from '../errors.ts'
import { checkPolicy } from './check-policy-on.ts'
import { parsePolicy } from './parse.ts'

const column = (name: string) => ({ name, attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] })
const PEOPLE = {
  schema: 'app',
  name: 'people',
  oid: 1,
  kind: 'table',
  opaque: null,
  reactions: [],
  columns: [column('ssn'), column('code')],
} as const
const catalog: Catalog = {
  fingerprint: 'c',
  major: 17,
  searchPath: ['app'],
  relations: new Map([[relationKey(PEOPLE), PEOPLE]]),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}
const issuesOf = (rules: readonly object[], masks: readonly object[]) =>
  checkPolicy(parsePolicy({ version: 1, rules, masks }), catalog, 'main').map(formatIssue)

const rule = (what: object, more: object = {}) => ({ id: 'r', decision: 'allow', what, ...more })
const WRITE = rule({ effects: ['read', 'write'], relations: ['app.*'] }, { who: { groups: ['agents'] } })
const HASH = { columns: ['app.people.ssn'], with: 'hash' }

test('I4: a hash on a column that the same people may write is told, with what to write instead', () => {
  const found = [
    expect.stringMatching(/^masks\[0\]\.with: rule r lets who sees app\.people\.ssn hashed write .*redact/),
  ]
  expect(issuesOf([WRITE], [HASH])).toEqual(found)
  expect(issuesOf([WRITE], [{ ...HASH, who: { groups: ['agents'] } }])).toEqual(found)
  expect(issuesOf([rule({ effects: ['write'], access: ['update'] })], [HASH])).toEqual(found)
})

test.each([
  ['read alone', rule({ effects: ['read'], relations: ['app.*'] }), HASH],
  ['deletes alone', rule({ effects: ['write'], access: ['delete'], relations: ['app.*'] }), HASH],
  ['others write', WRITE, { ...HASH, unless: { groups: ['agents'] } }],
  ['another mask', WRITE, { ...HASH, with: 'redact' }],
  ['what is written counts', WRITE, { ...HASH, predicates: 'equality', lookups: { 'per-day': 9 } }],
])('nothing is told where there is nothing to guess by: %s', (_, given, mask) => {
  expect(issuesOf([given], [mask])).toEqual([])
})

test('P4: a budget that another column of the same key goes around is told', () => {
  const bounded = { ...HASH, predicates: 'equality', lookups: { 'per-day': 9 } }
  const loose = { columns: ['app.people.code'], with: 'hash', predicates: 'equality' }
  const read = rule({ effects: ['read'], relations: ['app.*'] })
  expect(issuesOf([read], [bounded, loose])).toEqual([
    expect.stringMatching(/^masks\[1\]\.predicates: equality without a budget goes around that of masks\[0\]/),
  ])
  expect(issuesOf([read], [bounded, { ...loose, with: { hash: { key: { env: 'OTHER' } } } }])).toEqual([
    expect.stringMatching(/^masks\[1\]\.predicates: equality without a budget lets/),
  ])
})
