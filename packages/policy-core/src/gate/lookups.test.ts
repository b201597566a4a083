import { describe, expect, test } from 'vitest'
import type { Catalog } from '../catalog.ts'
import type { Facts } from '../facts.ts'
import type { Lookup } from '../hooks.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { Principal } from '../principal.ts'
import type { Parameter } from '../statement.ts'
import { arraySize } from './array-size.ts'
import { openGate, recommendedLimits } from './open-gate.ts'

const POLICY = parsePolicy({ version: 1, rules: [{ id: 'read', decision: 'allow', what: { effects: ['read'] } }] })
const NOWHERE = { start: 0, end: 0 }
const FACTS: Facts = {
  kind: 'understood',
  tag: 'SELECT',
  uses: [{ kind: 'statement', effect: 'read', why: 'computes', place: NOWHERE }],
  prohibitions: [],
  mentions: [],
  columns: [],
  outputs: null,
  calls: [],
  fingerprint: '',
  canonical: '',
  copy: null,
  searchPath: 'kept',
  catalogFingerprint: 'f',
}
const CATALOG: Catalog = {
  fingerprint: 'f',
  major: 17,
  searchPath: [],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
}
const BUDGET = { perMinuteMax: 5, perDayMax: 8 }

/** A gate whose statements say themselves what they look up: `entry:values:list,list`, with a space between. */
function gateOf(clock: { ms: number }) {
  const lookupsOf = (text: string): readonly Lookup[] =>
    text.split(' ').map(each => {
      const [entry, values, lists = ''] = each.split(':')
      return {
        entry: Number(entry),
        budget: BUDGET,
        values: Number(values),
        lists: lists === '' ? [] : lists.split(',').map(Number),
      }
    })
  return openGate({
    policy: compilePolicy(POLICY, { version: '1' }),
    classify: () => FACTS,
    rewrite: ({ text }) => ({ kind: 'rewritten', text, lookups: lookupsOf(text) }),
    catalog: async () => CATALOG,
    mask: { sql: () => 'NULL', rows: () => null },
    approve: async () => ({ kind: 'expired', request: '' }),
    record: async () => ({ append: async () => undefined, close: async () => undefined }),
    clock: { now: () => clock.ms, monotonic: () => clock.ms },
    limits: recommendedLimits,
  })
}

const person = (subject: string, actor: Principal['actor'] = null): Principal => ({
  issuer: 'i',
  subject,
  groups: [],
  actor,
  expiresAt: Number.MAX_SAFE_INTEGER,
  credentialDigest: null,
})

const open = (gate: ReturnType<typeof gateOf>, principal = person('ada'), name = 'app') =>
  gate.session({ id: `${principal.subject}-${name}`, principal, target: { name, dialect: 'postgres' } })

type Opened = Awaited<ReturnType<typeof open>>
const codeOf = async (session: Opened, text: string, params: readonly Parameter[] = []) => {
  const verdict = await session.submit({ text, params })
  return verdict.kind === 'cleared' ? 'cleared' : verdict.refusal.code
}

const list = (value: Parameter['value'], format: Parameter['format'] = 'text'): Parameter => ({
  typeOid: 1009,
  format,
  value,
})

describe('lookups in masked columns are counted before they are made (I1)', () => {
  test('over all sessions of a gate, and each run of the same text anew', async () => {
    const clock = { ms: 0 }
    const gate = gateOf(clock)
    const [one, other] = [await open(gate), await open(gate)]
    expect(await codeOf(one, '0:3')).toBe('cleared')
    expect(await codeOf(other, '0:3')).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(other, '0:2')).toBe('cleared')
    expect(await codeOf(one, '0:1')).toBe('LIMIT_EXCEEDED')
    clock.ms += 62_000
    expect(await codeOf(one, '0:3')).toBe('cleared')
    clock.ms += 62_000
    expect(await codeOf(one, '0:1')).toBe('LIMIT_EXCEEDED')
  })

  test('by entry, by person and by target; of an agent and whom it acts for alike', async () => {
    const gate = gateOf({ ms: 0 })
    const ada = await open(gate)
    expect(await codeOf(ada, '0:5')).toBe('cleared')
    expect(await codeOf(ada, '1:5')).toBe('cleared')
    expect(await codeOf(await open(gate, person('ada'), 'other'), '0:5')).toBe('cleared')
    const agent = { issuer: 'i', subject: 'ada', groups: [] }
    expect(await codeOf(await open(gate, person('bob', agent)), '0:1')).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(await open(gate, person('bob')), '0:5')).toBe('cleared')
  })

  test('what is refused for one entry is counted for none', async () => {
    const ada = await open(gateOf({ ms: 0 }))
    expect(await codeOf(ada, '0:3 1:9')).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(ada, '0:5 1:5')).toBe('cleared')
  })

  test('lists by their elements, and lists that can not be counted not at all', async () => {
    const ada = await open(gateOf({ ms: 0 }))
    expect(await codeOf(ada, '0:0:0')).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(ada, '0:0:0', [list('a,b')])).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(ada, '0:1:0', [list('{a,b}')])).toBe('cleared')
    expect(await codeOf(ada, '0:1:0', [list('{a,b}')])).toBe('LIMIT_EXCEEDED')
    expect(await codeOf(ada, '0:1:0', [list('{a}')])).toBe('cleared')
  })

  test('a refusal says when to come back', async () => {
    const ada = await open(gateOf({ ms: 0 }))
    await codeOf(ada, '0:5')
    const verdict = await ada.submit({ text: '0:1' })
    expect(verdict).toMatchObject({
      refusal: { hint: expect.stringMatching(/in \d+ s/), message: expect.stringContaining('look up 5 values') },
    })
  })
})

describe('the size of an array', () => {
  test.each<readonly [string, number | null]>([
    ['{}', 0],
    [' { } ', 0],
    ['{a}', 1],
    ['{a,b,NULL}', 3],
    ['{"a,b","c\\"d,e",f\\,g}', 3],
    ['{{a,b},{c,d}}', 4],
    ['[0:1]={a,b}', 2],
    ['[1:1][-2:-1]={{a,b}}', 2],
    ['{""}', 1],
    ['a,b', null],
    ['{a,b', null],
    ['{a}{b,c}', null],
    ['{a} x', null],
    ['x{a}', null],
  ])('%s', (text, size) => {
    expect(arraySize(list(text))).toBe(size)
    expect(arraySize(list(new TextEncoder().encode(text)))).toBe(size)
  })

  const binary = (...words: readonly number[]): Uint8Array => {
    const view = new DataView(new ArrayBuffer(words.length * 4))
    for (const [at, word] of words.entries()) view.setInt32(at * 4, word)
    return new Uint8Array(view.buffer)
  }

  test.each<readonly [string, Uint8Array, number | null]>([
    ['empty', binary(0, 0, 25), 0],
    ['two', binary(1, 0, 25, 2, 1, -1, -1), 2],
    ['two by two', binary(2, 0, 25, 2, 1, 2, 1, -1, -1, -1, -1), 4],
    ['cut', binary(1, 0), null],
    ['more than there are bytes for', binary(1, 0, 25, 99, 1), null],
    ['less than none', binary(1, 0, 25, -2, 1), null],
    ['too many dimensions', binary(7, 0, 25), null],
  ])('binary: %s', (_, bytes, size) => {
    expect(arraySize(list(bytes, 'binary'))).toBe(size)
  })

  test('NULL has none, and text that is no UTF-8 none that is known', () => {
    expect(arraySize(list(null))).toBe(0)
    expect(arraySize(list(new Uint8Array([0x7b, 0xff, 0x7d])))).toBeNull()
    expect(arraySize(list('{a}', 'binary'))).toBeNull()
  })
})
