import { expect, test } from 'vitest'
import { decide } from './decide.ts'
import { explain } from './explain.ts'
import { explanationOf } from './explanation.ts'
import type { Facts, UsedRelation } from './facts.ts'
import { compilePolicy } from './policy/compile.ts'
import { parsePolicy } from './policy/parse.ts'
import type { Principal } from './principal.ts'

const place = { start: 14, end: 20 }
const people: UsedRelation = { schema: 'public', name: 'people', oid: 1, kind: 'table', columns: [] }
const column = (name: string, role: 'output' | 'predicate', start: number) =>
  ({ schema: 'public', name: 'people', column: name, role, place: { start, end: start + 2 } }) as const
const facts: Facts = {
  kind: 'understood',
  tag: 'SELECT',
  uses: [{ kind: 'relation', effect: 'read', access: 'select', relation: people, unbounded: false, place }],
  prohibitions: [],
  mentions: [],
  columns: [column('id', 'output', 7), column('ssn', 'predicate', 27), column('id', 'predicate', 33)],
  outputs: [],
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: '',
}
const principal: Principal = {
  issuer: 'i',
  subject: 'ada',
  groups: ['staff'],
  actor: null,
  expiresAt: 1,
  credentialDigest: null,
}
const policy = compilePolicy(
  parsePolicy({
    version: 1,
    rules: [
      { id: 'open-columns', decision: 'allow', what: { effects: ['read'], columns: ['public.people.id'] } },
      { id: 'admins', decision: 'allow', who: { groups: ['dba'] }, what: { effects: ['read'] } },
      { id: 'far', decision: 'allow', who: { groups: ['x'] }, what: { effects: ['external'], relations: ['hr.*'] } },
      {
        id: 'nights',
        decision: 'allow',
        on: { when: { from: '22:00', to: '06:00', zone: 'UTC' } },
        what: { effects: ['read'] },
      },
      { id: 'never', decision: 'deny', what: { effects: ['ddl'] } },
    ],
  }),
  { version: '1' },
)
const request = { principal, target: { name: 'app', dialect: 'postgres' }, facts, now: 12 * 3_600_000 } as const

test('what no rule allows is explained by the rules that nearly do, and by the columns used', () => {
  const explanation = explanationOf(policy, request)
  expect(explanation).toEqual({
    columns: [
      { name: 'public.people.id', roles: ['output', 'predicate'], place: { start: 7, end: 9 } },
      { name: 'public.people.ssn', roles: ['predicate'], place: { start: 27, end: 29 } },
    ],
    nearest: [
      { rule: 'open-columns', decision: 'allow', use: 'select on public.people', place, failed: ['what.columns'] },
      { rule: 'admins', decision: 'allow', use: 'select on public.people', place, failed: ['who.groups'] },
      { rule: 'nights', decision: 'allow', use: 'select on public.people', place, failed: ['on.when'] },
    ],
  })
  const lines = explain(decide(policy, request), facts, explanation).split('\n')
  expect(lines).toContain('  column   public.people.ssn for predicate (bytes 27-29)')
  expect(lines).toContain('  nearly   select on public.people: admins would allow it, but for who.groups')
})

test('what is allowed, or denied by a rule, misses nothing', () => {
  expect(explanationOf(policy, { ...request, now: 0 }).nearest).toEqual([])
  const ddl = { ...facts, uses: facts.uses.map(use => ({ ...use, effect: 'ddl' as const })) }
  expect(explanationOf(policy, { ...request, facts: ddl }).nearest).toEqual([])
})

test('no rule is near to what is not there: that is mended in the statement', () => {
  const place = { start: 0, end: 4 }
  const uses = [{ kind: 'statement', effect: 'unknown', why: 'relation `peple` is not in the catalog', place }] as const
  expect(explanationOf(policy, { ...request, facts: { ...facts, uses } }).nearest).toEqual([])
})

test('where an agent acts, the side that lacks a rule is the one that is explained', () => {
  const actor = { issuer: 'i', subject: 'bot', groups: [] }
  const asDba = { ...request, principal: { ...principal, groups: ['dba'], actor } }
  const misses = explanationOf(policy, asDba).nearest.filter(({ rule }) => rule === 'admins')
  expect(misses).toMatchObject([{ failed: ['who.groups'] }])
})
