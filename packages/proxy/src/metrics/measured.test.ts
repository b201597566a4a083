import type { Approver, Completion, Entry, Recorder, SessionRecorder } from '@querywarden/policy-core'
import { compilePolicy, ON_MASK, parsePolicy } from '@querywarden/policy-core'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { type MeasurableHooks, measured } from './measured.ts'

const POLICY = parsePolicy({
  version: 1,
  rules: [
    { id: 'reads', decision: 'allow', what: { effects: ['read'] } },
    { id: 'never-fires', decision: 'deny', what: { effects: ['dcl'] } },
  ],
})
const OPENING: Parameters<Recorder>[0] = {
  session: 's',
  principal: { issuer: 'i', subject: 'agent-7', groups: [], actor: null, expiresAt: 1, credentialDigest: null },
  target: { name: 'app', dialect: 'postgres' },
  policyVersion: 'v1',
  catalogFingerprint: 'f',
  client: {},
}
const PLACE = { start: 0, end: 1 }
const REASONS = [
  { use: 'select on public.a', answer: 'allow', rules: ['reads'], place: PLACE },
  { use: 'select on public.b', answer: 'allow', rules: ['reads'], place: PLACE },
] as const
const ssn = { name: 'ssn', attnum: 1, typeOid: 25, typmod: -1, type: 'text', origins: [] }
const intent = (statement: number, changes: Partial<Extract<Entry, { kind: 'intent' }>> = {}): Entry => ({
  kind: 'intent',
  statement,
  text: "select 'c4nary'",
  canonical: "select 'c4nary'",
  params: [],
  tag: 'SELECT',
  effects: ['read'],
  relations: [],
  functions: [],
  decision: 'allow',
  reasons: REASONS,
  approval: null,
  obligations: { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } },
  ...changes,
})
const refused = (statement: number, code: 'DENIED_BY_RULE' | 'APPROVAL_EXPIRED' | 'RECORDER_FAILED'): Entry => ({
  kind: 'refused',
  statement,
  text: "select 'c4nary'",
  canonical: '',
  params: [],
  effects: ['unknown'],
  refusal: { code, rule: null, message: '', hint: '', place: null, request: null },
  reasons: [],
})
const completion = (statement: number, completion: Completion): Entry => ({ kind: 'completion', statement, completion })
const DONE: Completion = { kind: 'done', tag: 'SELECT 3', rows: 3, bytes: 100, ms: 20 }

interface Bench {
  readonly registry: Registry
  readonly hooks: MeasurableHooks
  readonly measurements: ReturnType<typeof measured>['measurements']
  readonly clock: { ms: number }
  readonly text: () => Promise<string>
  readonly session: () => Promise<SessionRecorder>
}

function bench(changes: Partial<MeasurableHooks> = {}): Bench {
  const registry = new Registry()
  const clock = { ms: 1_000 }
  const policy = compilePolicy(POLICY, { version: 'v1' })
  const { hooks, measurements } = measured(
    {
      policy: () => policy,
      classify: () => {
        clock.ms += 2
        return { kind: 'opaque', code: 'SYNTAX', message: '', offset: 0 }
      },
      rewrite: () => ({ kind: 'rewritten', text: '' }),
      approve: () => Promise.reject(new Error('nobody asks')),
      record: () => Promise.resolve({ append: () => Promise.resolve(), close: () => Promise.resolve() }),
      ...changes,
    },
    { registry, monotonic: () => clock.ms },
  )
  return { registry, hooks, measurements, clock, text: () => registry.metrics(), session: () => hooks.record(OPENING) }
}

test('statements count once, under the gravest effect, their decision and what became of them', async () => {
  const { session, text } = bench()
  const { append } = await session()
  await append(intent(1, { effects: ['read', 'write', 'session'], decision: 'approve' }))
  await append(completion(1, DONE))
  await append(intent(2))
  await append(completion(2, { kind: 'failed', sqlstate: '22012', rows: 0, bytes: 0, ms: 1 }))
  await append(intent(3))
  await append(completion(3, { kind: 'not-run', why: '' }))
  await append(refused(4, 'DENIED_BY_RULE'))
  await append(refused(5, 'APPROVAL_EXPIRED'))
  await append(refused(6, 'RECORDER_FAILED'))
  const lines = (await text()).split('\n').filter(line => /^querywarden_statements_total.* [1-9]/.test(line))
  expect(lines.toSorted()).toEqual([
    'querywarden_statements_total{effect="read",decision="allow",outcome="failed"} 1',
    'querywarden_statements_total{effect="read",decision="allow",outcome="not-run"} 1',
    'querywarden_statements_total{effect="unknown",decision="approve",outcome="refused"} 1',
    'querywarden_statements_total{effect="unknown",decision="deny",outcome="refused"} 1',
    'querywarden_statements_total{effect="unknown",decision="none",outcome="refused"} 1',
    'querywarden_statements_total{effect="write",decision="approve",outcome="done"} 1',
  ])
  expect(await text()).toContain('querywarden_refusals_total{code="DENIED_BY_RULE"} 1')
})

test('a rule counts once a statement, and one that never fired is there with 0', async () => {
  const { session, text } = bench()
  const { append } = await session()
  for (const statement of [1, 2, 3]) await append(intent(statement))
  expect(await text()).toContain('querywarden_rule_hits_total{rule="reads"} 3')
  expect(await text()).toContain('querywarden_rule_hits_total{rule="never-fires"} 0')
})

test('results: rows, bytes, and what was shown through masks', async () => {
  const { session, text } = bench()
  const { append } = await session()
  const relation = { schema: 'public', name: 'a', oid: 1, kind: 'table', columns: [ssn] } as const
  const columns = [
    { column: ssn, mask: { kind: 'redact' }, ...ON_MASK, entry: 0 },
    { column: ssn, mask: { kind: 'null' }, ...ON_MASK, entry: 1 },
  ] as const
  const obligations = {
    masks: [{ relation, columns }],
    detect: [],
    limits: { rowsMax: null, bytesMax: null, timeMsMax: null },
  }
  await append(intent(1, { obligations }))
  await append(completion(1, DONE))
  await append(intent(2))
  await append(completion(2, DONE))
  for (const line of [
    'querywarden_rows_total 6',
    'querywarden_result_bytes_total 200',
    'querywarden_masked_rows_total 3',
    'querywarden_masked_columns_total{mask="redact"} 1',
    'querywarden_masked_columns_total{mask="null"} 1',
  ])
    expect(await text()).toContain(`${line}\n`)
})

test('stages: how long each took, as a histogram whose buckets add up', async () => {
  const { hooks, clock, session, text } = bench({
    record: () =>
      Promise.resolve({
        append: async () => {
          clock.ms += 5
        },
        close: () => Promise.resolve(),
      }),
  })
  const { append } = await session()
  await hooks.classify({ dialect: 'postgres', text: '', params: [] }, NO_CATALOG)
  await append(intent(1))
  clock.ms += 20
  await append(completion(1, DONE))
  for (const line of [
    'querywarden_stage_seconds_bucket{le="0.001",stage="classify"} 0',
    'querywarden_stage_seconds_bucket{le="0.003",stage="classify"} 1',
    'querywarden_stage_seconds_bucket{le="+Inf",stage="classify"} 1',
    'querywarden_stage_seconds_sum{stage="record"} 0.01',
    'querywarden_stage_seconds_count{stage="record"} 2',
    'querywarden_stage_seconds_sum{stage="upstream"} 0.02',
    'querywarden_stage_seconds_sum{stage="whole"} 0.03',
  ])
    expect(await text()).toContain(`${line}\n`)
})

const NO_CATALOG = {
  fingerprint: 'f',
  major: 18,
  searchPath: [],
  relations: new Map(),
  userFunctions: new Map(),
  userRowFunctions: new Set<string>(),
  userOperators: new Map(),
  userTypes: new Map(),
}

test('approvals: how many wait, and for how long whatever comes of them', async () => {
  let answer: (given: Awaited<ReturnType<Approver>>) => void = () => undefined
  const { hooks, clock, text } = bench({ approve: () => new Promise(resolve => (answer = resolve)) })
  const question = {} as Parameters<Approver>[0]
  const asked = hooks.approve(question, new AbortController().signal, () => undefined)
  expect(await text()).toContain('querywarden_approvals_waiting 1')
  clock.ms += 2_000
  answer({ kind: 'expired', request: 'r' })
  await asked
  expect(await text()).toContain('querywarden_approvals_waiting 0')
  expect(await text()).toContain('querywarden_approval_wait_seconds_sum{answer="expired"} 2')
})

test('sessions: open, opened, and closed once each by why', async () => {
  const { session, text } = bench()
  const [first] = [await session(), await session()]
  await first.close('client-left')
  await first.close('shutdown')
  for (const line of [
    'querywarden_sessions_open{target="app"} 1',
    'querywarden_sessions_opened_total{target="app"} 2',
    'querywarden_sessions_closed_total{reason="client-left"} 1',
  ])
    expect(await text()).toContain(`${line}\n`)
  expect(await text()).not.toContain('reason="shutdown"')
})

test('a recorder that fails or stalls shows, and its failure goes on to the gate', async () => {
  let isBroken = true
  let written: () => void = () => undefined
  const { session, clock, text, measurements } = bench({
    record: () =>
      isBroken
        ? Promise.reject(new Error('disk full'))
        : Promise.resolve({
            append: entry =>
              entry.kind === 'intent'
                ? Promise.reject(new Error('disk full'))
                : new Promise(resolve => (written = resolve)),
            close: () => Promise.reject(new Error('disk full')),
          }),
  })
  await expect(session()).rejects.toThrow('disk full')
  expect(measurements.recordingFailedAtMs()).toBe(1_000)
  isBroken = false
  const { append, close } = await session()
  expect(measurements.recordingFailedAtMs()).toBe(null)
  await expect(append(intent(1))).rejects.toThrow('disk full')
  const stuck = append(refused(2, 'DENIED_BY_RULE'))
  clock.ms += 3_000
  expect(measurements.recorderStalledMs()).toBe(3_000)
  expect(await text()).toContain('querywarden_recorder_stalled_seconds 3\n')
  written()
  await stuck
  expect(measurements.recorderStalledMs()).toBe(0)
  await expect(close('shutdown')).rejects.toThrow('disk full')
  for (const step of ['open', 'append', 'close'])
    expect(await text()).toContain(`querywarden_recorder_failures_total{step="${step}"} 1`)
  expect(await text()).toContain('querywarden_statements_total{effect="read",decision="allow",outcome="refused"} 1')
})

test('no label tells who asked or what', async () => {
  const { session, text } = bench()
  const { append } = await session()
  await append(intent(1))
  await append(completion(1, DONE))
  await append(refused(2, 'DENIED_BY_RULE'))
  expect(await text()).not.toMatch(/c4nary|agent-7|public/)
})

test('the policy in force is named, and a new one takes its place', async () => {
  let policy = compilePolicy(POLICY, { version: 'v1' })
  const { text } = bench({ policy: () => policy })
  expect(await text()).toContain('querywarden_policy_info{version="v1"} 1')
  policy = compilePolicy(POLICY, { version: 'v2' })
  expect(await text()).toContain('querywarden_policy_info{version="v2"} 1')
  expect(await text()).not.toContain('version="v1"')
})
