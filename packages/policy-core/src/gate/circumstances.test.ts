import { describe, expect, test } from 'vitest'
import type { Catalog } from '../catalog.ts'
import type { Entry } from '../entry.ts'
import type { Facts, UsedRelation } from '../facts.ts'
import type { Answer, Estimator } from '../hooks.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { Principal } from '../principal.ts'
import { type GateOptions, openGate, recommendedLimits } from './open-gate.ts'

const people: UsedRelation = { schema: 'public', name: 'people', oid: 20_000, kind: 'table', columns: [] }
const catalog: Catalog = {
  fingerprint: 'c',
  major: 17,
  searchPath: ['public'],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}
const place = { start: 0, end: 1 }
const read: Facts = {
  kind: 'understood',
  tag: 'SELECT',
  uses: [{ kind: 'relation', effect: 'read', access: 'select', relation: people, unbounded: false, place }],
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: [],
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: 'c',
}
const PRINCIPAL: Principal = {
  issuer: 'i',
  subject: 's',
  groups: [],
  actor: null,
  expiresAt: 1e15,
  credentialDigest: null,
}
const MINUTE = 60_000

async function gateOf(rules: readonly object[], more: Partial<GateOptions> & { readonly limitsGiven?: unknown } = {}) {
  const clock = { nowMs: 0 }
  const entries: Entry[] = []
  const { limitsGiven = [], ...options } = more
  const gate = openGate({
    policy: compilePolicy(parsePolicy({ version: 1, rules, limits: limitsGiven }), { version: '1' }),
    classify: () => read,
    rewrite: ({ text }) => ({ kind: 'rewritten', text: `${text} rewritten` }),
    catalog: () => Promise.resolve(catalog),
    mask: { sql: () => 'null', rows: () => null },
    approve: () => Promise.reject(new Error('nobody asked for this')),
    record: () =>
      Promise.resolve({
        append: entry => {
          entries.push(entry)
          return Promise.resolve()
        },
        close: () => Promise.resolve(),
      }),
    clock: { now: () => clock.nowMs, monotonic: () => clock.nowMs },
    limits: recommendedLimits,
    ...options,
  })
  const open = (principal: Principal = PRINCIPAL) =>
    gate.session({ id: 'id', principal, target: { name: 'app', dialect: 'postgres' } })
  return { clock, entries, open }
}

const kindOf = ({ kind }: { readonly kind: string }): string => kind

describe('what was judged is forgotten when the time makes it another answer', () => {
  const morning = {
    id: 'morning',
    decision: 'allow',
    on: { when: { from: '08:00', to: '12:00', zone: 'UTC' } },
    what: { effects: ['read'] },
  }

  test('N4: a window that closes is felt by the same text in the same session', async () => {
    const { clock, open } = await gateOf([morning])
    const session = await open()
    const answers: string[] = []
    for (const minutes of [479, 480, 600, 719, 720, 600]) {
      clock.nowMs = minutes * MINUTE
      answers.push(kindOf(await session.submit({ text: 'x' })))
    }
    expect(answers).toEqual(['refused', 'cleared', 'cleared', 'cleared', 'refused', 'cleared'])
  })

  test('F14: a clock that fails allows nothing', async () => {
    for (const now of [() => Number.NaN, () => Infinity]) {
      const { open } = await gateOf([{ ...morning, on: { targets: ['app'] } }], { clock: { now, monotonic: () => 0 } })
      expect(kindOf(await (await open()).submit({ text: 'x' }))).toBe('refused')
    }
    const { open } = await gateOf([morning], {
      clock: {
        now: () => {
          throw new Error('no clock')
        },
        monotonic: () => 0,
      },
    })
    expect(kindOf(await (await open()).submit({ text: 'x' }))).toBe('refused')
  })

  test('A1: what a person approved is void once the rule that asked them no longer holds', async () => {
    const ask = {
      ...morning,
      decision: 'approve',
      approval: { approvers: { groups: ['dba'] }, expires: '7d' },
    }
    const until = async (minutes: number) => {
      const answer: Answer = { kind: 'granted', request: 'r', by: [], reason: '' }
      const world = await gateOf([ask], {
        approve: () => {
          world.clock.nowMs = minutes * MINUTE
          return Promise.resolve(answer)
        },
      })
      world.clock.nowMs = 600 * MINUTE
      return kindOf(await (await world.open()).submit({ text: 'x' }))
    }
    expect(await until(700)).toBe('cleared')
    expect(await until(720)).toBe('refused')
  })

  test('A1: and once others would be asked', async () => {
    const rule = (id: string, from: string, to: string, group: string) => ({
      id,
      decision: 'approve',
      on: { when: { from, to, zone: 'UTC' } },
      what: { effects: ['read'] },
      approval: { approvers: { groups: [group] }, expires: '7d' },
    })
    const world = await gateOf([rule('day', '08:00', '20:00', 'team'), rule('night', '20:00', '08:00', 'on-call')], {
      approve: () => {
        world.clock.nowMs = 1_210 * MINUTE
        return Promise.resolve({ kind: 'granted', request: 'r', by: [], reason: '' })
      },
    })
    world.clock.nowMs = 600 * MINUTE
    expect(await (await world.open()).submit({ text: 'x' })).toMatchObject({ refusal: { code: 'APPROVAL_WITHDRAWN' } })
  })
})

test('P11: one text is judged anew where it comes in other circumstances', async () => {
  const { open } = await gateOf([
    { id: 'read', decision: 'allow', what: { effects: ['read'] } },
    { id: 'alone', decision: 'deny', what: { 'multi-statement': true } },
    { id: 'no-tx', decision: 'deny', what: { 'in-transaction': true } },
  ])
  const session = await open()
  const plain = { inTransaction: false, multiStatement: false }
  const ask = async (circumstances: object) => kindOf(await session.submit({ text: 'x' }, circumstances))
  expect(await ask(plain)).toBe('cleared')
  expect(await ask({ ...plain, multiStatement: true })).toBe('refused')
  expect(await ask({ ...plain, inTransaction: true })).toBe('refused')
  expect(await ask({ ...plain, mayChangeTransaction: true })).toBe('refused')
  expect(await ask({})).toBe('refused')
  expect(await ask(plain)).toBe('cleared')
})

describe('A6: a limit of statements', () => {
  const rules = [{ id: 'ddl', decision: 'allow', what: { effects: ['ddl'] } }]
  const limitsGiven = [{ statements: { 'per-minute': 2 } }]

  test('is not lost by a new session, counts what is refused, and is recorded', async () => {
    const { entries, clock, open } = await gateOf(rules, { limitsGiven })
    const codes: string[] = []
    for (let i = 0; i < 3; i++) {
      const session = await open()
      const verdict = await session.submit({ text: 'x' })
      codes.push(verdict.kind === 'refused' ? verdict.refusal.code : verdict.kind)
      await session.close('client-terminated')
    }
    expect(codes).toEqual(['NO_RULE_ALLOWS', 'NO_RULE_ALLOWS', 'LIMIT_EXCEEDED'])
    expect(entries.map(entry => (entry.kind === 'refused' ? entry.refusal.code : entry.kind))).toEqual(codes)
    clock.nowMs += 2 * MINUTE
    expect(await (await open()).submit({ text: 'x' })).toMatchObject({ refusal: { code: 'NO_RULE_ALLOWS' } })
  })

  test('counts an agent whomever it acts for', async () => {
    const { open } = await gateOf(rules, {
      limitsGiven: [{ who: { subjects: ['bot'] }, statements: { 'per-minute': 2 } }],
    })
    const codes: string[] = []
    for (const subject of ['a', 'b', 'c']) {
      const session = await open({ ...PRINCIPAL, subject, actor: { issuer: 'i', subject: 'bot', groups: [] } })
      const verdict = await session.submit({ text: 'x' })
      codes.push(verdict.kind === 'refused' ? verdict.refusal.code : verdict.kind)
    }
    expect(codes).toEqual(['NO_RULE_ALLOWS', 'NO_RULE_ALLOWS', 'LIMIT_EXCEEDED'])
  })
})

describe("A7: the planner's estimate", () => {
  const few = { id: 'few', decision: 'allow', what: { effects: ['read'], 'estimated-rows': { 'at-most': 100 } } }
  const asked: string[] = []
  const estimate =
    (rows: number | null): Estimator =>
    ({ text, params }) => {
      asked.push(`${text} ${params.length}`)
      return Promise.resolve(rows)
    }
  const ask = async (hook: Estimator | undefined, rules: readonly object[] = [few]) => {
    asked.length = 0
    const { open } = await gateOf(rules, hook === undefined ? {} : { estimate: hook })
    const params = [{ typeOid: 23, format: 'text', value: '1' }] as const
    return kindOf(await (await open()).submit({ text: 'x', params }))
  }

  test('is asked of what would run, with its parameters, and decides', async () => {
    expect(await ask(estimate(100))).toBe('cleared')
    expect(asked).toEqual(['x rewritten 1'])
    expect(await ask(estimate(101))).toBe('refused')
  })

  test('that is not there, fails or makes no sense allows nothing', async () => {
    expect(await ask(undefined)).toBe('refused')
    for (const rows of [null, -1, Number.NaN, Infinity]) expect(await ask(estimate(rows))).toBe('refused')
    expect(await ask(() => Promise.reject(new Error('the planner is away')))).toBe('refused')
  })

  test('is not asked where nothing depends on it, nor of what is denied anyway', async () => {
    expect(await ask(estimate(1), [{ id: 'all', decision: 'allow', what: { effects: ['read'] } }])).toBe('cleared')
    expect(asked).toEqual([])
    const denied = { id: 'no', decision: 'deny', who: { subjects: ['s'] }, what: { relations: ['public.people'] } }
    expect(await ask(estimate(1), [few, denied])).toBe('refused')
    expect(asked).toEqual([])
  })

  const factsOf = (tag: string, more: readonly object[] = []): Facts =>
    ({ ...read, tag, uses: [...read.uses, ...more] }) as Facts
  const opens = { kind: 'statement', effect: 'session', why: '', place }
  const session = { id: 'session', decision: 'allow', what: { effects: ['session'] } }

  test('of a cursor is one of its query, and what is only made ready gives no rows', async () => {
    const ask = async (tag: string, rows: number) => {
      asked.length = 0
      const { open } = await gateOf([few, session], { estimate: estimate(rows), classify: () => factsOf(tag, [opens]) })
      return [kindOf(await (await open()).submit({ text: 'x' })), asked.length]
    }
    expect(await ask('DECLARE CURSOR', 100)).toEqual(['cleared', 1])
    expect(await ask('DECLARE CURSOR', 101)).toEqual(['refused', 1])
    expect(await ask('PREPARE', 101)).toEqual(['cleared', 0])
    expect(await ask('SELECT', 1)).toEqual(['refused', 0])
  })

  test('A7: is not asked by parameters that the server will make others of', async () => {
    asked.length = 0
    const { open } = await gateOf([few], { estimate: estimate(1) })
    expect(kindOf(await (await open()).submit({ text: 'x' }, { parametersInDoubt: true }))).toBe('refused')
    expect(asked).toEqual([])
  })

  test('A7: of one run is not that of another; without a run, whatever lets it be submitted', async () => {
    const rows = [100, 101]
    const { open } = await gateOf([few], { estimate: () => Promise.resolve(rows.shift() ?? null) })
    const one = await open()
    expect(kindOf(await one.judge('x'))).toBe('permitted')
    const verdict = await one.submit({ text: 'x' })
    expect(verdict).toMatchObject({ kind: 'cleared', cleared: { estimatedRows: 100 } })
    expect(kindOf(await one.submit({ text: 'x' }))).toBe('refused')
    expect(kindOf(await one.submit({ text: 'x' }))).toBe('refused')
    if (verdict.kind === 'cleared') expect(kindOf(await one.judge('x', {}, verdict.cleared))).toBe('permitted')
    const denied = await gateOf([{ ...few, what: { effects: ['write'], 'estimated-rows': { 'at-most': 1 } } }], {
      estimate: estimate(1),
    })
    expect(kindOf(await (await denied.open()).judge('x'))).toBe('refused')
  })

  test('P11: is not asked of what planning could run', async () => {
    for (const facts of [
      { ...read, calls: [{ name: 'public.f', class: 'unknown', place }] },
      { ...read, uses: read.uses.map(use => ({ ...use, via: { kind: 'function', name: 'public.f' } })) },
      // Its body only computes, and is the database's own all the same.
      { ...read, calls: [{ name: 'public.f', class: 'pure', place }] },
      { ...read, calls: [{ name: 'pg_catalog.now', class: 'reads-context', place }] },
      { ...read, tag: 'EXPLAIN' },
    ] as const) {
      asked.length = 0
      const { open } = await gateOf([few], { estimate: estimate(1), classify: () => facts as Facts })
      expect(kindOf(await (await open()).submit({ text: 'x' }))).toBe('refused')
      expect(asked).toEqual([])
    }
  })
})
