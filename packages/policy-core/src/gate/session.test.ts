import { describe, expect, test } from 'vitest'
import type { Catalog } from '../catalog.ts'
import type { CloseReason, Entry } from '../entry.ts'
import type { Facts, UsedRelation } from '../facts.ts'
import type { Answer, ResultColumn } from '../hooks.ts'
import { compilePolicy } from '../policy/compile.ts'
import { parsePolicy } from '../policy/parse.ts'
import type { Principal } from '../principal.ts'
import { isCleared } from './cleared.ts'
import { type GateOptions, openGate, recommendedLimits } from './open-gate.ts'
import type { Session } from './session.ts'

const POLICY = parsePolicy({
  version: 1,
  rules: [
    { id: 'read', decision: 'allow', what: { effects: ['read'] } },
    {
      id: 'ask',
      decision: 'approve',
      what: { effects: ['write'] },
      approval: { approvers: { groups: ['dba'] }, quorum: 1, expires: '10m', mode: 'hold' },
    },
  ],
  masks: [{ columns: ['public.customers.ssn'], with: 'redact' }],
})

const CUSTOMERS: UsedRelation = {
  schema: 'public',
  name: 'customers',
  oid: 20_000,
  kind: 'table',
  columns: [1, 2].map(attnum => ({
    name: attnum === 1 ? 'id' : 'ssn',
    attnum,
    typeOid: 25,
    typmod: -1,
    type: 'text',
    origins: [{ schema: 'public', name: 'customers', column: attnum === 1 ? 'id' : 'ssn' }],
  })),
}

const catalogOf = (fingerprint: string): Catalog => ({
  fingerprint,
  major: 17,
  searchPath: ['public'],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set(),
  userOperators: new Map(),
  userTypes: new Map(),
})

const NOWHERE = { start: 0, end: 0 }
const PRINCIPAL: Principal = {
  issuer: 'i',
  subject: 's',
  groups: [],
  actor: null,
  expiresAt: 1_000,
  credentialDigest: null,
}

/** `read …`, `write …` and `drop …` are all the language there is. */
const classify = ({ text }: { readonly text: string }, { fingerprint }: Catalog): Facts => {
  const effect = (['read', 'write', 'ddl'] as const).find(known => text.startsWith(known))
  if (effect === undefined) return { kind: 'opaque', code: 'SYNTAX', message: 'no such word', offset: 0 }
  const access = effect === 'read' ? 'select' : effect === 'write' ? 'insert' : 'ddl'
  return {
    kind: 'understood',
    tag: effect.toUpperCase(),
    uses: [{ kind: 'relation', effect, access, relation: CUSTOMERS, unbounded: false, place: NOWHERE }],
    prohibitions: [],
    mentions: [],
    columns: [],
    outputs: null,
    calls: [],
    fingerprint: '',
    canonical: text,
    copy: null,
    searchPath: text === 'read no path' ? 'emptied' : 'kept',
    catalogFingerprint: fingerprint,
  }
}

interface Bench {
  readonly session: Session
  readonly entries: Entry[]
  readonly closed: CloseReason[]
}

async function open(changes: Partial<GateOptions> = {}): Promise<Bench> {
  const entries: Entry[] = []
  const closed: CloseReason[] = []
  const gate = openGate({
    policy: compilePolicy(POLICY, { version: '1' }),
    classify,
    rewrite: ({ text }, _facts, masks) => ({ kind: 'rewritten', text: `${text} with ${masks.length} masked` }),
    catalog: () => Promise.resolve(catalogOf('f')),
    mask: { sql: () => 'null', rows: () => null },
    approve: () => Promise.reject(new Error('nobody asked for this')),
    record: () =>
      Promise.resolve({
        append: entry => {
          entries.push(entry)
          return Promise.resolve()
        },
        close: reason => {
          closed.push(reason)
          return Promise.resolve()
        },
      }),
    clock: { now: () => 0, monotonic: () => 0 },
    limits: recommendedLimits,
    ...changes,
  })
  return {
    session: await gate.session({ id: 'session', principal: PRINCIPAL, target: { name: 'app', dialect: 'postgres' } }),
    entries,
    closed,
  }
}

const answering =
  (answer: Answer): GateOptions['approve'] =>
  async (_question, _signal, onPending) => {
    onPending({ request: answer.request, expiresAt: 9 })
    return answer
  }
const GRANTED: Answer = {
  kind: 'granted',
  request: 'r',
  by: [{ issuer: 'i', subject: 'dana', groups: ['dba'] }],
  reason: 'fine',
}

describe('submit', () => {
  test('clears what the policy allows, rewritten, and recorded before it is cleared', async () => {
    const { session, entries } = await open()
    const verdict = await session.submit({ text: 'read' })
    expect(verdict.kind === 'cleared' && verdict.cleared.statement.text).toBe('read with 1 masked')
    expect(entries).toMatchObject([
      { kind: 'intent', statement: 1, text: 'read', relations: ['public.customers'], approval: null },
    ])
  })

  test.each([
    ['what a rule does not name', 'ddl', 'NO_RULE_ALLOWS'],
    ['what it does not understand', 'gibberish', 'NOT_UNDERSTOOD'],
  ])('refuses and records %s', async (_what, text, code) => {
    const { session, entries } = await open()
    expect(await session.submit({ text })).toMatchObject({ kind: 'refused', refusal: { code } })
    expect(entries).toMatchObject([{ kind: 'refused', statement: 1, text, refusal: { code } }])
  })

  test('what the rewriter can not do is refused, with its reason', async () => {
    const { session } = await open({
      rewrite: () => ({ kind: 'impossible', why: 'too clever', hint: 'be plain', place: null }),
    })
    expect(await session.submit({ text: 'read' })).toMatchObject({
      refusal: { code: 'CANNOT_MASK', message: 'statement refused: too clever', hint: 'be plain' },
    })
  })

  test('F14: without a schema nothing is judged', async () => {
    let isUp = true
    const { session, entries } = await open({
      catalog: () => (isUp ? Promise.resolve(catalogOf('f')) : Promise.reject(new Error('down'))),
    })
    isUp = false
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'CATALOG_UNAVAILABLE' } })
    expect(entries).toMatchObject([{ kind: 'refused', refusal: { code: 'CATALOG_UNAVAILABLE' } }])
  })

  test('R5, F10: what can not be recorded is not cleared', async () => {
    const record = { append: () => Promise.reject(new Error('disk full')), close: () => Promise.resolve() }
    const { session } = await open({ record: () => Promise.resolve(record) })
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
    expect(await session.submit({ text: 'ddl' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
  })

  test('I6: a session is over when its token is, and after close', async () => {
    let now = 0
    const { session, closed } = await open({ clock: { now: () => now, monotonic: () => 0 } })
    now = PRINCIPAL.expiresAt
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
    now = 0
    await session.close('client-left')
    await session.close('shutdown')
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
    expect(closed).toEqual(['client-left'])
  })
})

describe('approval', () => {
  test('is asked for, recorded both ways, and clears once granted', async () => {
    const { session, entries } = await open({ approve: answering(GRANTED) })
    const verdict = await session.submit({ text: 'write' })
    expect(verdict).toMatchObject({ kind: 'cleared', cleared: { approval: 'r' } })
    expect(entries.map(({ kind }) => kind)).toEqual(['approval-requested', 'approval-answered', 'intent'])
  })

  test.each([
    [{ kind: 'denied', request: 'r', by: [], reason: 'no' }, 'APPROVAL_DENIED'],
    [{ kind: 'expired', request: 'r' }, 'APPROVAL_EXPIRED'],
    [{ kind: 'withdrawn', request: 'r' }, 'APPROVAL_WITHDRAWN'],
  ] satisfies [Answer, string][])('%o refuses', async (answer, code) => {
    const { session, entries } = await open({ approve: answering(answer) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code, request: 'r' } })
    expect(entries.map(({ kind }) => kind)).toEqual(['approval-requested', 'approval-answered', 'refused'])
  })

  test('the reason of a denial reaches the one who asked', async () => {
    const by = [{ issuer: 'i', subject: 'dana', groups: ['dba'] }]
    const { session } = await open({
      approve: answering({ kind: 'denied', request: 'r', by, reason: 'not on a Friday' }),
    })
    expect(await session.submit({ text: 'write' })).toMatchObject({
      refusal: { message: 'statement refused: request r was denied by dana: not on a Friday' },
    })
  })

  test('F7: an approver that fails has not approved', async () => {
    const { session } = await open()
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVER_FAILED' } })
  })

  test('A4: nobody is asked inside a transaction', async () => {
    let asked = 0
    const { session } = await open({ approve: () => Promise.reject(new Error(`asked ${++asked}`)) })
    expect(await session.submit({ text: 'write' }, { inTransaction: true })).toMatchObject({
      refusal: { code: 'APPROVAL_INSIDE_TRANSACTION' },
    })
    expect(asked).toBe(0)
  })

  test('A1, N2: a schema that changed while it waited voids the grant', async () => {
    let fingerprint = 'before'
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      fingerprint = 'after'
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await open({ approve, catalog: () => Promise.resolve(catalogOf(fingerprint)) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVAL_WITHDRAWN' } })
  })

  test('I6: a token that expired while it waited voids the grant', async () => {
    let now = 0
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      now = PRINCIPAL.expiresAt
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await open({ approve, clock: { now: () => now, monotonic: () => 0 } })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'SESSION_ENDED' } })
  })

  test('an answer that can not be recorded clears nothing', async () => {
    const record = {
      append: ({ kind }: Entry) =>
        kind === 'approval-answered' ? Promise.reject(new Error('disk full')) : Promise.resolve(),
      close: () => Promise.resolve(),
    }
    const { session } = await open({ approve: answering(GRANTED), record: () => Promise.resolve(record) })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'RECORDER_FAILED' } })
  })
})

describe('the second wall', () => {
  const column = (tableOid: number, attnum: number): ResultColumn => ({
    name: 'c',
    tableOid,
    attnum,
    typeOid: 25,
    typmod: -1,
    format: 'text',
  })
  const cleared = async (session: Session) => {
    const verdict = await session.submit({ text: 'read' })
    if (verdict.kind === 'refused') throw new Error(verdict.refusal.message)
    return verdict.cleared
  }

  test('lets through what is unmasked, computed, or of the system', async () => {
    const { session } = await open()
    const columns = [column(20_000, 1), column(0, 0), column(1_259, 2)]
    expect(session.reveal(await cleared(session), columns)).toEqual({ kind: 'clean', mask: null })
  })

  test.each([
    ['a masked column', column(20_000, 2), 'RAW_COLUMN'],
    ['a whole row of a masked relation', column(20_000, 0), 'RAW_COLUMN'],
    ['a relation that was not judged', column(20_001, 1), 'UNEXPECTED_ORIGIN'],
  ])('stops %s', async (_what, one, code) => {
    const { session, entries } = await open()
    const proof = await cleared(session)
    expect(session.reveal(proof, [one])).toMatchObject({ kind: 'raw', code })
    await expect(session.release(proof, { columns: [one], rows: [['secret']], ms: 1 })).rejects.toMatchObject({ code })
    expect(entries.at(-1)).toMatchObject({ kind: 'incident', statement: 1, code })
  })

  test('release masks rows in place and records the outcome', async () => {
    const { session, entries } = await open({ mask: { sql: () => 'null', rows: () => cells => cells.fill('masked') } })
    const proof = await cleared(session)
    expect(await session.release(proof, { columns: [column(0, 0)], rows: [['a'], ['b']], ms: 2 })).toEqual([
      ['masked'],
      ['masked'],
    ])
    expect(entries.at(-1)).toMatchObject({ kind: 'completion', completion: { kind: 'done', rows: 2, ms: 2 } })
  })

  test('P10: release drops a result in which somebody finds what must never leave the target', async () => {
    const { session, entries } = await open({ watch: (cell, { name }) => (cell === 'planted' ? `of ${name}` : null) })
    const proof = await cleared(session)
    const columns = [column(0, 0)]
    await session.release(proof, { columns, rows: [['a'], [null]], ms: 1 })
    await expect(session.release(proof, { columns, rows: [['a'], ['planted']], ms: 1 })).rejects.toMatchObject({
      code: 'CANARY',
    })
    expect(entries.at(-1)).toMatchObject({ kind: 'incident', statement: 1, code: 'CANARY' })
    expect(JSON.stringify(entries.at(-1))).toContain('`of app`')
    expect(JSON.stringify(entries.at(-1))).not.toContain('planted')
  })

  test('the proof can not be made by hand', async () => {
    const { session } = await open()
    const proof = await cleared(session)
    expect(isCleared(proof)).toBe(true)
    expect(isCleared({ ...proof })).toBe(false)
    expect(isCleared(structuredClone(proof))).toBe(false)
  })
})

test('judgements are remembered within bounds, and forgotten when the schema moves', async () => {
  let judged = 0
  let fingerprint = 'one'
  const counting: GateOptions['classify'] = (statement, catalog) => {
    judged += 1
    return classify(statement, catalog)
  }
  const { session } = await open({
    classify: counting,
    catalog: () => Promise.resolve(catalogOf(fingerprint)),
    limits: { judgementsMax: 2, judgedCharsMax: 10 },
  })
  for (const text of ['read a', 'read a', 'read b', 'read a']) await session.judge(text)
  expect(judged).toBe(2)
  for (const text of ['read c', 'read b', 'read too long', 'read too long']) await session.judge(text)
  expect(judged).toBe(6)
  fingerprint = 'two'
  await session.judge('read c')
  expect(judged).toBe(7)
})

describe('a policy that is replaced while a session is open', () => {
  const policyOf = (version: string, decision: 'allow' | 'deny') =>
    compilePolicy(parsePolicy({ version: 1, rules: [{ id: 'all', decision, what: { effects: ['read', 'write'] } }] }), {
      version,
    })
  const ASKING = compilePolicy(POLICY, { version: 'asking' })

  test('F6, F33: is felt from the next statement on, whatever was judged before', async () => {
    let policy = policyOf('1', 'allow')
    const { session } = await open({ policy: () => policy })
    expect(await session.submit({ text: 'read' })).toMatchObject({ kind: 'cleared' })
    policy = policyOf('2', 'deny')
    expect(await session.submit({ text: 'read' })).toMatchObject({ refusal: { code: 'DENIED_BY_RULE' } })
    policy = policyOf('1', 'allow')
    expect(await session.submit({ text: 'read' })).toMatchObject({ kind: 'cleared' })
  })

  test('F6: judges no statement by halves: what was in force when its judgement began holds to its end', async () => {
    const [first, second] = [policyOf('1', 'allow'), policyOf('2', 'deny')]
    let policy = first
    const swapping: GateOptions['classify'] = (statement, catalog) => {
      policy = second
      return classify(statement, catalog)
    }
    const { session } = await open({ policy: () => policy, classify: swapping })
    expect(await session.judge('read')).toMatchObject({ kind: 'permitted', policyVersion: '1' })
    expect(await session.judge('read')).toMatchObject({ kind: 'refused' })
  })

  test('A1: voids a grant that was asked for under the one before', async () => {
    let policy = ASKING
    const approve: GateOptions['approve'] = (question, signal, onPending) => {
      policy = policyOf('2', 'allow')
      return answering(GRANTED)(question, signal, onPending)
    }
    const { session } = await open({ policy: () => policy, approve })
    expect(await session.submit({ text: 'write' })).toMatchObject({ refusal: { code: 'APPROVAL_WITHDRAWN' } })
  })
})

test('N1: once the search path is emptied, all is judged without one, what was judged before too', async () => {
  const paths: (readonly string[])[] = []
  const { session } = await open({
    classify: (statement, catalog) => {
      paths.push(catalog.searchPath)
      return classify(statement, catalog)
    },
  })
  const before = await session.judge('read customers')
  await session.submit({ text: 'read no path' })
  const after = await session.judge('read customers')
  expect(paths).toEqual([['public'], ['public'], []])
  const fingerprints = [before, after].map(judgement =>
    judgement.kind === 'permitted' ? judgement.catalog.fingerprint : judgement.kind,
  )
  expect(new Set(fingerprints).size).toBe(2)
})

test('N1: emptying the search path counts from when it is cleared, and not when it is judged or refused', async () => {
  const { session } = await open({
    policy: compilePolicy(parsePolicy({ version: 1, rules: [] }), { version: '1' }),
  })
  await session.judge('read no path')
  await session.submit({ text: 'read no path' })
  const judged = await session.judge('read customers')
  expect(judged.kind === 'unavailable' || judged.facts.kind === 'opaque' ? null : judged.facts.catalogFingerprint).toBe(
    'f',
  )
})
