import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, Entry, SessionOpening } from '@querywarden/policy-core'
import type { FileRecorderOptions } from '../src/index.ts'

export const KEK: Uint8Array = Buffer.alloc(32, 7)

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

let lastId = 0
/** Sorts by time like a UUIDv7, unique over processes. */
export const newId = (): string =>
  `${Date.now().toString(16).padStart(12, '0')}-${String(lastId++).padStart(6, '0')}-${randomBytes(6).toString('hex')}`

export const optionsFor = (dir: string, more: Partial<FileRecorderOptions> = {}): FileRecorderOptions => ({
  dir,
  kek: KEK,
  durability: 'standard',
  parameters: 'digests',
  quotaBytes: 1_000_000,
  freeBytesMin: 0,
  clock: systemClock,
  sleep: ms => wait(ms, undefined, { ref: false }),
  randomBytes,
  newId,
  instance: 'test',
  ...more,
})

export const opening = (more: Partial<SessionOpening> = {}): SessionOpening => ({
  session: 's-1',
  principal: {
    issuer: 'https://idp.example.com',
    subject: 'devin',
    groups: ['ai-agents'],
    actor: { issuer: 'https://idp.example.com', subject: 'agent-1', groups: [] },
    expiresAt: 2_000_000_000_000,
    credentialDigest: 'c0ffee',
  },
  target: { name: 'app', dialect: 'postgres' },
  policyVersion: 'p1',
  catalogFingerprint: 'f1',
  client: { user: 'free text', application_name: 'psql', address: '127.0.0.1' },
  ...more,
})

const place = { start: 0, end: 6 }
const obligations = { masks: [], detect: [], limits: { rowsMax: 100, bytesMax: null, timeMsMax: 5_000 } }

type Intent = Extract<Entry, { kind: 'intent' }>
export const intent = (statement: number, text: string, more: Partial<Intent> = {}): Intent => ({
  kind: 'intent',
  statement,
  text,
  canonical: text,
  params: [],
  tag: 'SELECT',
  effects: ['read'],
  relations: ['public.orders'],
  functions: [],
  decision: 'allow',
  reasons: [{ use: 'select on public.orders', answer: 'allow', rules: ['agents-read'], place }],
  approval: null,
  obligations,
  ...more,
})

/** What changes data: on the disk before it runs, in either tier. */
export const change = (statement: number, text: string, more: Partial<Intent> = {}): Intent =>
  intent(statement, text, { tag: 'UPDATE', effects: ['read', 'write'], ...more })

type Refused = Extract<Entry, { kind: 'refused' }>
export const refused = (statement: number, text: string, more: Partial<Refused> = {}): Refused => ({
  kind: 'refused',
  statement,
  text,
  canonical: text,
  params: [],
  effects: ['ddl'],
  refusal: {
    code: 'DENIED_BY_RULE',
    rule: 'no-destruction',
    message: 'rule `no-destruction` denies ddl',
    hint: 'use a migration',
    place,
    request: null,
  },
  reasons: [{ use: 'drop of public.orders', answer: 'deny', rules: ['no-destruction'], place }],
  ...more,
})

export const done = (statement: number): Entry => ({
  kind: 'completion',
  statement,
  completion: { kind: 'done', tag: 'SELECT', rows: 3, bytes: 120, ms: 1.5 },
})

/** What {@link sampleEntries} take in the standard tier: two of them share a block, one has a block for itself. */
export const SAMPLE_FRAMES = 11

/** One entry of every kind. */
export const sampleEntries: readonly Entry[] = [
  intent(1, "select * from public.orders where note = 'literal-canary-1' and id = 77120 limit 5"),
  done(1),
  refused(2, 'drop table public.orders'),
  {
    kind: 'approval-requested',
    statement: 3,
    request: 'req-1',
    terms: { rules: ['w'], approverGroups: [['dba']], quorum: 1, expiresMs: 600_000, mode: 'hold' },
    canonical: "update public.orders set note = 'literal-canary-2' where id = $1",
  },
  {
    kind: 'approval-answered',
    statement: 3,
    request: 'req-1',
    answer: 'granted',
    by: [{ issuer: 'https://idp.example.com', subject: 'dana', groups: ['dba'] }],
    reason: 'ticket 12',
  },
  intent(3, "update public.orders set note = 'literal-canary-2' where id = $1", {
    decision: 'approve',
    tag: 'UPDATE',
    approval: 'req-1',
    params: [
      { typeOid: 23, format: 'text', value: 'param-canary-1' },
      { typeOid: 25, format: 'binary', value: null },
    ],
  }),
  {
    kind: 'completion',
    statement: 3,
    completion: { kind: 'failed', sqlstate: '23505', rows: 0, bytes: 0, ms: 2 },
  },
  { kind: 'cancel-requested', statement: 3 },
  { kind: 'cancel-requested', statement: null },
  { kind: 'incident', statement: null, code: 'MASK_BREACH', message: 'a masked column arrived raw' },
]
