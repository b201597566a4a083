import { describe, expect, test } from 'vitest'
import type { EventStamp, IntentEvent, RecordedEvent } from '../format/event.ts'
import type { RecordingHeader } from '../format/file-header.ts'
import type { Json, JsonObject } from './event-json.ts'
import { eventLines } from './event-line.ts'

const HEADER: RecordingHeader = {
  recording: 'rec-1',
  session: 'ses-1',
  instance: 'i',
  boot: 'b',
  requester: { issuer: 'https://idp.example.com', subject: 'devin' },
  actor: { issuer: 'https://idp.example.com', subject: 'agent-7' },
  credentialDigest: null,
  target: { name: 'app', dialect: 'postgres', server: {} },
  policyVersion: 'p1',
  catalogFingerprint: 'c1',
  createdAt: 1_700_000_000_000.5,
  keyId: 'k',
  wrappedMetaKey: Buffer.from('wrapped-key'),
  valueCheck: Buffer.from('check'),
}
const stamp = (ms: number): EventStamp => ({ seq: 3, at: 1_700_000_000_000.25 + ms, monotonic: ms })
const intent = (
  statement: number,
  tag: string,
  effects: readonly string[],
  relations: readonly string[] = [],
): IntentEvent => ({
  ...stamp(statement),
  kind: 'intent',
  statement,
  sql: { redacted: `${tag} '?'`, text: null, canonical: null, secret: false, bytes: 20, hmac: 'ab' },
  params: [],
  tag,
  effects,
  relations,
  functions: [],
  decision: 'approve',
  reasons: [{ use: 'update on public.a', answer: 'approve', rules: ['needs-dba'] }],
  approval: 'req',
  masks: [{ column: 'public.a.b', mask: 'redact' }],
  detect: [],
  limits: { rowsMax: null, bytesMax: null, timeMsMax: null },
})

const EVENTS: readonly RecordedEvent[] = [
  {
    ...stamp(0),
    kind: 'opened',
    header: HEADER,
    groups: ['ai-agents'],
    actor: { issuer: 'https://idp.example.com', subject: 'agent-7', groups: [] },
    expiresAt: null,
    claims: [],
    actorClaims: [],
    client: { address: '10.0.0.7' },
  },
  {
    ...stamp(1),
    kind: 'approval-answered',
    statement: 1,
    request: 'req',
    answer: 'granted',
    by: [{ issuer: 'i', subject: 'dana' }],
    reason: '',
  },
  intent(1, 'UPDATE', ['read', 'write'], ['public.a']),
  {
    ...stamp(5),
    kind: 'completion',
    statement: 1,
    completion: { kind: 'done', tag: 'UPDATE 3', rows: 3, bytes: 9, ms: 2.5 },
    error: null,
  },
  {
    ...intent(2, 'drop table', ['ddl']),
    kind: 'refused',
    refusal: { code: 'DENIED_BY_RULE', rule: 'r', message: 'no', hint: '', request: null },
  },
  intent(3, 'SELECT', ['read']),
  {
    ...stamp(9),
    kind: 'completion',
    statement: 3,
    completion: { kind: 'failed', sqlstate: '22012', rows: 0, bytes: 0, ms: 1 },
    error: null,
  },
  intent(4, 'COPY', ['read'], ['public.a', 'public.b']),
  { ...stamp(10), kind: 'incident', statement: 4, code: 'MASK_BREACH', message: 'a masked column arrived raw' },
  { ...stamp(11), kind: 'closed', reason: 'client-left' },
]

const lines = (format: 'jsonl' | 'ocsf'): readonly JsonObject[] => {
  const of = eventLines(format)
  return [...EVENTS.flatMap(event => of.of(event, HEADER)), ...of.end()]
}

/**
 * What schema.ocsf.io 1.3.0 has of class 6005 and the objects in it, as far as they are used: the type of each attribute, `!`
 * where it is required, and sets of which at least one must be there.
 */
const OBJECTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  datastore_activity: {
    activity_id: 'integer!',
    activity_name: 'string',
    category_uid: 'integer!',
    class_uid: 'integer!',
    type_uid: 'long!',
    time: 'timestamp!',
    severity_id: 'integer!',
    metadata: 'metadata!',
    actor: 'actor!',
    src_endpoint: 'network_endpoint!',
    dst_endpoint: 'network_endpoint',
    database: 'database',
    table: 'table',
    type: 'string',
    type_id: 'integer',
    query_info: 'query_info',
    status: 'string',
    status_id: 'integer',
    status_code: 'string',
    status_detail: 'string',
    start_time: 'timestamp',
    end_time: 'timestamp',
    duration: 'long',
    unmapped: 'object',
    // Profile security_control.
    action_id: 'integer',
    disposition_id: 'integer',
    authorizations: 'authorization[]',
  },
  metadata: {
    version: 'string!',
    product: 'product!',
    profiles: 'string[]',
    log_name: 'string',
    uid: 'string',
    correlation_uid: 'string',
    original_time: 'string',
  },
  product: { name: 'string', vendor_name: 'string!', version: 'string' },
  actor: { user: 'user', session: 'session', app_name: 'string', app_uid: 'string' },
  user: { name: 'string', uid: 'string', domain: 'string', groups: 'group[]' },
  group: { name: 'string' },
  session: { uid: 'string', issuer: 'string', created_time: 'timestamp', expiration_time: 'timestamp' },
  network_endpoint: { ip: 'string', name: 'string' },
  database: { name: 'string', type: 'string', type_id: 'integer!' },
  table: { name: 'string' },
  query_info: { query_string: 'string!', uid: 'string', bytes: 'long' },
  authorization: { decision: 'string', policy: 'policy' },
  policy: { uid: 'string', name: 'string', desc: 'string', version: 'string' },
}
const ENUMS: Readonly<Record<string, readonly number[]>> = {
  activity_id: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 99],
  severity_id: [0, 1, 2, 3, 4, 5, 6, 99],
  status_id: [0, 1, 2, 99],
  action_id: [0, 1, 2, 99],
  disposition_id: [0, 1, 2, 8],
}

function problems(value: Json | undefined, type: string, path: string): readonly string[] {
  const [, name = '', list] = /^(\w+)(\[\])?!?$/.exec(type) ?? []
  if (value === undefined) return type.endsWith('!') ? [`${path} is required`] : []
  if (list !== undefined) {
    return Array.isArray(value)
      ? value.flatMap((one: Json, at) => problems(one, name, `${path}[${at}]`))
      : [`${path} is no list`]
  }
  if (name === 'string') return typeof value === 'string' ? [] : [`${path} is no string`]
  if (['integer', 'long', 'timestamp'].includes(name)) return Number.isInteger(value) ? [] : [`${path} is no integer`]
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`]
  const attributes = OBJECTS[name]
  if (attributes === undefined) return []
  const fields = value as JsonObject
  return [
    ...Object.keys(fields).flatMap(key => (key in attributes ? [] : [`${path}.${key} is not in the schema`])),
    ...Object.entries(attributes).flatMap(([key, of]) => problems(fields[key], of, `${path}.${key}`)),
    ...Object.entries(ENUMS).flatMap(([key, allowed]) =>
      key in fields && !allowed.includes(Number(fields[key])) ? [`${path}.${key} is ${String(fields[key])}`] : [],
    ),
  ]
}

describe('OCSF', () => {
  const events = lines('ocsf')

  test('every event has what class 6005 of 1.3.0 requires, and nothing that it does not know', () => {
    expect(events).toHaveLength(7)
    for (const event of events) {
      expect(problems(event, 'datastore_activity', 'event')).toEqual([])
      expect(event['type_uid']).toBe(600_500 + Number(event['activity_id']))
      expect(['database', 'databucket', 'table'].some(one => one in event)).toBe(true)
      expect(event['metadata']).toMatchObject({ version: '1.3.0', profiles: ['security_control'] })
    }
  })

  test('says who, what, by which rules, who approved, and what became of it', () => {
    const [opened, update, drop, select, incident, closed, copy] = events
    expect(opened).toMatchObject({
      activity_id: 3,
      src_endpoint: { ip: '10.0.0.7' },
      actor: { user: { name: 'devin' }, app_name: 'agent-7' },
    })
    expect(update).toMatchObject({
      activity_id: 2,
      status_id: 1,
      action_id: 1,
      disposition_id: 8,
      duration: 3,
      table: { name: 'public.a' },
      query_info: { query_string: "UPDATE '?'" },
      authorizations: [{ decision: 'approve', policy: { uid: 'needs-dba', version: 'p1' } }],
      unmapped: { rows: 3, approved_by: [{ subject: 'dana' }] },
    })
    expect(drop).toMatchObject({
      activity_id: 7,
      status_id: 2,
      status_code: 'DENIED_BY_RULE',
      action_id: 2,
      disposition_id: 2,
    })
    expect(select).toMatchObject({ activity_id: 4, status_id: 2, status_code: '22012' })
    expect(incident).toMatchObject({ activity_id: 99, activity_name: 'Incident', severity_id: 4 })
    expect(closed).toMatchObject({ activity_id: 99, activity_name: 'Disconnect' })
    // It has no outcome: told at the end, and never taken for a success.
    expect(copy).toMatchObject({ activity_id: 1, status_id: 0 })
  })
})

test('JSON lines have every event, who it is of, and no key', () => {
  const all = lines('jsonl')
  expect(all.map(line => line['kind'])).toEqual(EVENTS.map(({ kind }) => kind))
  expect(all.every(line => line['recording'] === 'rec-1' && line['session'] === 'ses-1')).toBe(true)
  expect(all[0]?.['time']).toBe('2023-11-14T22:13:20.000Z')
  expect(JSON.stringify(all)).not.toMatch(/wrapped|valueCheck/)
})
