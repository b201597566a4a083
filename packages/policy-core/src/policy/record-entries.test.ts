import { expect, test } from 'vitest'
import type { Catalog } from '../catalog.ts'
import { decide } from '../decide.ts'
import type { Obligations } from '../decision.ts'
import { formatIssue, PolicyError } from '../errors.ts'
import { explain } from '../explain.ts'
import type { Facts } from '../facts.ts'
import type { Identity, Principal } from '../principal.ts'
import { checkPolicy, checkTargets } from './check-policy-on.ts'
import { compilePolicy } from './compile.ts'
import { parsePolicy } from './parse.ts'

const identity = (subject: string, ...groups: readonly string[]): Identity => ({ issuer: 'idp', subject, groups })
const principal = (who: Identity, actor: Identity | null = null): Principal => ({
  ...who,
  actor,
  expiresAt: 1,
  credentialDigest: null,
})
const ada = identity('ada', 'staff')
const agent = identity('agent-7', 'ai-agents')

const facts: Facts = {
  kind: 'understood',
  tag: 'SELECT',
  uses: [{ kind: 'statement', effect: 'read', why: 'select', place: { start: 0, end: 8 } }],
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: null,
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: '',
}

const RULES = [{ id: 'read', decision: 'allow', what: { effects: ['read'] } }]
const document = (record?: unknown) => ({ version: 1, rules: RULES, ...(record === undefined ? {} : { record }) })

function decided(record: unknown, who: Principal, target = 'app') {
  const policy = compilePolicy(parsePolicy(document(record)), { version: 'v' })
  return decide(policy, { principal: who, target: { name: target, dialect: 'postgres' }, facts })
}

function rowsOf(record: unknown, who: Principal, target = 'app'): Obligations['rows'] {
  const decision = decided(record, who, target)
  if (decision.kind !== 'allow') throw new Error('expected an allow')
  return decision.obligations.rows
}

test('without entries nothing of rows is recorded, and the obligations have no word of it', () => {
  expect(parsePolicy(document()).record).toBeUndefined()
  for (const record of [undefined, []]) expect(rowsOf(record, principal(ada))).toBeUndefined()
})

test('an entry holds for whom and where it says', () => {
  const record = [{ rows: { first: 5 }, who: { groups: ['ai-agents'] }, on: { targets: ['app*'] } }]
  expect(rowsOf(record, principal(agent))).toEqual({ kind: 'first', rows: 5 })
  expect(rowsOf(record, principal(agent), 'reports')).toBeUndefined()
  expect(rowsOf(record, principal(ada))).toBeUndefined()
})

test('where several entries hold the one that records the most wins, whatever their order', () => {
  const digest = { rows: 'digest' }
  const few = { rows: { first: 5 } }
  const many = { rows: { first: 50 } }
  const all = { rows: 'all' }
  for (const [entries, most] of [
    [[digest, few], { kind: 'first', rows: 5 }],
    [[many, few, digest], { kind: 'first', rows: 50 }],
    [[few, all, many], { kind: 'all' }],
    [[digest], { kind: 'digest' }],
  ] as const) {
    expect(rowsOf(entries, principal(ada))).toEqual(most)
    expect(rowsOf(entries.toReversed(), principal(ada))).toEqual(most)
  }
})

test('what is recorded of either of an acting pair is recorded of both', () => {
  const record = [
    { rows: 'all', who: { subjects: ['agent-7'] } },
    { rows: 'digest', who: { groups: ['staff'] } },
  ]
  expect(rowsOf(record, principal(ada))).toEqual({ kind: 'digest' })
  expect(rowsOf(record, principal(ada, agent))).toEqual({ kind: 'all' })
})

test('explain says how much is recorded', () => {
  const told = (rows: unknown): string | undefined =>
    explain(decided([{ rows }], principal(ada)), facts)
      .split('\n')
      .at(-1)
  expect(told('digest')).toBe('  record   a digest of the rows')
  expect(told({ first: 1 })).toBe('  record   the first 1 row, of the others a digest')
  expect(told({ first: 100 })).toBe('  record   the first 100 rows, of the others a digest')
  expect(told('all')).toBe('  record   all rows')
})

const issuesOf = (record: unknown): readonly string[] => {
  try {
    parsePolicy(document(record))
    return []
  } catch (error) {
    return error instanceof PolicyError ? error.issues.map(formatIssue) : [String(error)]
  }
}

test('each mistake is told with its place', () => {
  for (const [record, issue] of [
    [[{}], 'record[0].rows: missing, expected all, digest or { first: 100 }'],
    [[{ rows: 'some' }], 'record[0].rows: expected all, digest or { first: 100 }'],
    [[{ rows: 10 }], 'record[0].rows: expected all, digest or { first: 100 }'],
    [[{ rows: { first: 0 } }], 'record[0].rows.first: expected at least 1'],
    [[{ rows: { frist: 1, first: 1 } }], 'record[0].rows.frist: unknown key, did you mean first?'],
    [[{ row: 'all', rows: 'all' }], 'record[0].row: unknown key, did you mean rows?'],
    [
      [{ rows: 'all', who: { groups: ['ai-*'] } }],
      'record[0].who.groups[0]: takes no wildcard; leave the condition out to mean everybody',
    ],
    [[{ rows: 'all', targets: ['app'] }], 'record[0].targets: unknown key, expected one of who, on, rows'],
    [{ rows: 'all' }, 'record: expected a list, such as [one, two]'],
  ] as const)
    expect(issuesOf(record)).toEqual([issue])
})

const catalog: Catalog = { relations: new Map(), userFunctions: new Map() } as unknown as Catalog

test('check tells of an entry that never has a say beside another, and of one about no target', () => {
  const warned = (record: unknown): readonly string[] =>
    checkPolicy(parsePolicy(document(record)), catalog, 'app').map(formatIssue)
  expect(
    warned([
      { rows: 'digest', who: { groups: ['ai-agents'] } },
      { rows: { first: 10 } },
      { rows: { first: 10 }, on: { targets: ['app'] } },
      { rows: 'all', who: { groups: ['staff'] } },
      { rows: 'digest', on: { targets: ['reports'] } },
    ]),
  ).toEqual([
    'record[0]: never has a say: record[1] records as much wherever it holds',
    'record[2]: never has a say: record[1] records as much wherever it holds',
  ])
  expect(warned([{ rows: 'all', on: { targets: ['ap*'] } }, { rows: 'digest' }])).toEqual([])
  const policy = parsePolicy(document([{ rows: 'all', on: { targets: ['ap'] } }]))
  expect(checkTargets(policy, ['app']).map(formatIssue)).toEqual([
    'record[0].on.targets[0]: ap matches no target of the configuration, did you mean app?',
  ])
})
