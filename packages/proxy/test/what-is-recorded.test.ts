import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordedEvent } from '@querywarden/recording'
import { encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminClient } from '../src/admin/client.ts'
import { type Governed, govern, POLICY, SCHEMA } from './governed-database.ts'
import { bind, execute, parse, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'
import { framesIn, keptFrames, recordingOf, rowFrames, rowsIn } from './received.ts'

const CANARY = 'canary-77aa1c09'
let governed: Governed
let token: string
let received: Buffer
let events: readonly RecordedEvent[]
const files: Buffer[] = []

/** One session that does a bit of everything: what is recorded of it is looked at item by item. */
beforeAll(async () => {
  governed = await govern({
    canaries: { trap: CANARY },
    schema: `${SCHEMA}
create table traps as select 1 as id, '${CANARY}'::text as value;
create table numbers as select i from generate_series(1, 50) i;
create function talk(n int) returns int language plpgsql as $$ begin raise notice 'n is %', n; return n; end $$;
grant execute on function talk to public;`,
    policy: `${POLICY.replace(
      'rules:\n',
      'rules:\n  - { id: talks, decision: allow, what: { effects: [read, procedural], functions: ["public.talk"] } }\n',
    )}
limits:
  - { who: { groups: [ai-agents] }, rows: 20 }
record:
  - { rows: all }
`,
  })
  token = await governed.token()
  const client = await rawLogin(governed.gateway.postgres, token, { application_name: 'everything' })
  client.seen.length = 0
  await client.query('select id, ssn from customers where id < 3 order by id')
  client.send(parse('', 'select id from notes where id = $1', [23]), bind('', '', ['4711']), execute(), SYNC)
  await client.until('Z')
  await client.query('drop table orders')
  client.send(encodeQuery({ query: 'update orders set status = status where id = 1' }))
  const [waiting] = await client.until('N', 'E')
  const request = /request (\S+),/.exec(waiting ?? '')?.[1] ?? ''
  const { host, port } = governed.gateway.admin
  const dana = adminClient({ url: `http://${host}:${port}`, token: await governed.token({ subject: 'dana' }) })
  await dana.answer(request, 'approve', 'looks right')
  await client.until('Z')
  await client.query('select talk(42)')
  await client.query('select 1/(2 - id) from customers order by id')
  await client.query('select i from numbers')
  client.send(
    runUnnamed("select i, pg_sleep(case when i > 1 then 60 else 0 end), repeat('x', 20000) from numbers"),
    SYNC,
  )
  await client.until('D')
  await sendCancel(governed.gateway.postgres, client.key)
  await client.until('Z')
  client.send(encodeQuery({ query: 'select * from traps' }))
  await client.toEnd()
  received = rowFrames(Buffer.concat(client.seen))
  events = await recordingOf(governed.recordings, 'everything')
  const found = await readdir(governed.recordings, { recursive: true, withFileTypes: true })
  for (const { name, parentPath } of found.filter(file => file.isFile()))
    files.push(await readFile(join(parentPath, name)))
}, 60_000)
afterAll(() => governed.stop())

const ofKind = <K extends RecordedEvent['kind']>(kind: K): readonly Extract<RecordedEvent, { kind: K }>[] =>
  events.filter((event): event is Extract<RecordedEvent, { kind: K }> => event.kind === kind)
const intentOf = (text: string) => ofKind('intent').find(({ sql }) => sql.text?.includes(text))
const outcomeOf = (text: string) => {
  const statement = intentOf(text)?.statement
  return ofKind('completion').find(event => event.statement === statement)
}
const HEX_OR_ID = expect.stringMatching(/^[\w-]{8,}$/)
const HEX = expect.stringMatching(/^[0-9a-f]{64}$/)
const claimsOf = (jwt: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>

/** The list of what is recorded, item by item: what is expected of each, and what is found. */
const ITEMS: readonly (readonly [item: string, found: () => unknown, expected: unknown])[] = [
  ['identity', () => events[0], { kind: 'opened', header: { requester: { subject: 'agent' } }, groups: ['ai-agents'] }],
  ['when the credential ends', () => ofKind('opened')[0]?.expiresAt, expect.any(Number)],
  ['hashed jti', () => ofKind('opened')[0]?.header.credentialDigest, HEX],
  ['target', () => ofKind('opened')[0]?.header.target, { name: 'app', server: { server_version: expect.any(String) } }],
  ['policy version', () => ofKind('opened')[0]?.header.policyVersion, expect.stringMatching(/./)],
  ['what the client said of itself', () => ofKind('opened')[0]?.client, { application_name: 'everything' }],
  ['canonical text', () => intentOf('select id, ssn')?.sql.canonical, expect.stringContaining('customers')],
  ['text and digest of its bytes', () => intentOf('select id, ssn')?.sql, { bytes: 54, hmac: HEX }],
  ['parameters by keyed digest', () => intentOf('where id = $1')?.params, [{ bytes: 4, hmac: HEX, value: null }]],
  [
    'facts',
    () => intentOf('select id, ssn'),
    { tag: 'SELECT', effects: ['read'], relations: [expect.stringContaining('customers')] },
  ],
  [
    'decision with rules',
    () => intentOf('select id, ssn'),
    { decision: 'allow', reasons: expect.arrayContaining([expect.objectContaining({ rules: ['read'] })]) },
  ],
  [
    'masks',
    () => intentOf('select id, ssn')?.masks,
    expect.arrayContaining([{ column: 'public.customers.ssn', mask: 'redact' }]),
  ],
  ['refusal with its rule', () => ofKind('refused')[0]?.refusal, { code: 'DENIED_BY_RULE', rule: 'no-ddl' }],
  ['approval request', () => ofKind('approval-requested')[0], { request: HEX_OR_ID, terms: { quorum: 1 } }],
  [
    'approval answer with the approver',
    () => ofKind('approval-answered')[0],
    { answer: 'granted', reason: 'looks right', by: [{ subject: 'dana' }] },
  ],
  ['the approval that a statement ran by', () => intentOf('update orders')?.approval, HEX_OR_ID],
  ['start', () => outcomeOf('update orders')?.completion, { kind: 'done', waitedMs: expect.any(Number) }],
  ['rows, and no other than the client received', () => keptFrames(events).equals(received), true],
  ['rows in masks', () => keptFrames(events).includes('512-84-7731') || rowsIn(events).length === 0, false],
  ['notice', () => ofKind('notice').map(({ notice }) => notice.message), expect.arrayContaining(['n is 42'])],
  [
    'error, without words where masks are',
    () => outcomeOf('1/(2 - id)')?.error,
    { severity: 'ERROR', sqlstate: '22012', message: expect.stringMatching(/division by zero|withheld/) },
  ],
  [
    'outcome with counts and timings',
    () => outcomeOf('select id, ssn')?.completion,
    { kind: 'done', tag: 'SELECT 2', rows: 2, bytes: expect.any(Number), ms: expect.any(Number) },
  ],
  ['cancel', () => ofKind('cancel-requested')[0]?.statement, expect.any(Number)],
  ['what was cancelled', () => outcomeOf('pg_sleep')?.completion, { kind: 'cancelled' }],
  ['limits in force', () => intentOf('select i from numbers')?.limits, { rowsMax: 20 }],
  [
    'limit hit',
    () => outcomeOf('select i from numbers')?.completion,
    { kind: 'cancelled', why: expect.stringContaining('row limit'), rows: 20 },
  ],
  ['incident', () => ofKind('incident')[0], { code: 'CANARY' }],
  ['close reason', () => events.at(-1), { kind: 'closed', reason: expect.any(String) }],
]

test.each(ITEMS)('what is recorded: %s', (_item, found, expected) => {
  const value = found()
  if (typeof expected === 'object' && expected !== null && !('asymmetricMatch' in expected))
    expect(value).toMatchObject(expected)
  else expect(value).toEqual(expected)
})

test('rows: a recording of none would not pass', () => {
  expect(framesIn(received)).toBeGreaterThan(20)
})

test('I1, R4: claims name the requester; the token, and what names it, are in no file', () => {
  const { jti } = claimsOf(token)
  expect(jti).toEqual(expect.any(String))
  for (const secret of [token, token.split('.')[2] ?? '', String(jti)])
    for (const file of files) expect(file.includes(secret)).toBe(false)
  expect(JSON.stringify(events)).not.toContain(String(jti))
})
