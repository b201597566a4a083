import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Completion } from '@querywarden/policy-core'
import { type RecordedEvent, readRecording } from '@querywarden/recording'
import { COPY_DONE, encodeCopyData, encodeFunctionCall, encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEY_FILE, readRecordingKey } from '../src/open-recorder.ts'
import { type Governed, govern, POLICY, SCHEMA, SECRETS } from './governed-database.ts'
import { bind, execute, parse, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'

let governed: Governed
beforeAll(async () => {
  governed = await govern({
    schema: `${SCHEMA}
create table child (id int primary key, parent int references customers deferrable initially deferred);
insert into notes select i, 'n' from generate_series(1, 50) i;`,
    policy: `${POLICY.replace('"public.notes"', '"public.notes", "public.child"')}
limits:
  - { who: { groups: [ai-agents] }, rows: 20 }
`,
  })
})
afterAll(() => governed.stop())

const told = (completion: Completion): string =>
  completion.kind === 'not-run' ? `not-run, ${completion.why}` : completion.kind

async function files(dir: string): Promise<string[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true })
  return found.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

async function events(): Promise<RecordedEvent[]> {
  const kek = readRecordingKey(await readFile(join(governed.recordings, KEY_FILE), 'utf8'))
  const read: RecordedEvent[] = []
  for (const file of (await files(governed.recordings)).filter(name => name.endsWith('.dbrec')))
    for await (const event of readRecording(file, { kek })) read.push(event)
  return read
}

test('each statement that ran has its intent and one completion; each refused one is there; secrets are not', async () => {
  const token = await governed.token()
  const client = await rawLogin(governed.gateway.postgres, token)
  const run = async (...messages: readonly Uint8Array[]): Promise<string[]> => {
    client.send(...messages)
    return client.until('Z')
  }
  await client.query('select 1; select 2')
  await client.query('select ssn, email from customers')
  await client.query('select 1/0; select 3')
  await client.query('drop table orders')
  await client.query("insert into notes values (100, 'x'); select nope")
  await client.query('insert into child values (1, 999)')
  await run(runUnnamed('select 4'), runUnnamed('drop table notes'), runUnnamed('select 5'), SYNC)
  await run(runUnnamed('select 6'), runUnnamed('select 1/0'), runUnnamed('select 7'), SYNC)
  await client.query('begin')
  await run(
    parse('', 'select id from notes where id > $1', [23]),
    bind('p', '', ['5']),
    execute('p', 3),
    execute('p', 3),
    SYNC,
  )
  await run(execute('p', 3), SYNC)
  await client.query('commit')
  await client.query('select id from notes')
  // A portal that outlives the batch which was to run it: what runs in the end has an intent of its own.
  await client.query('begin')
  await run(parse('', "select 'late'"), bind('l', ''), SYNC)
  await client.query('savepoint s')
  await run(execute('l'), execute('nowhere'), SYNC)
  await client.query('rollback to s')
  await run(runUnnamed('select 1/0'), execute('l'), SYNC)
  await client.query('rollback to s')
  expect(await run(execute('l'), SYNC)).toContain('D late')
  await client.query('commit')
  await run(encodeFunctionCall({ functionOid: 1, argumentFormats: [], arguments: [], resultFormat: 'text' }))
  await client.query('begin; commit')
  await client.query("select 'not sql")
  client.send(encodeQuery({ query: 'copy notes from stdin' }))
  await client.until('G')
  await run(encodeCopyData({ data: Buffer.from('200\tx\n') }), COPY_DONE)
  client.send(encodeQuery({ query: 'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b' }))
  await new Promise(resolve => setTimeout(resolve, 200))
  await sendCancel(governed.gateway.postgres, client.key)
  await client.until('Z')
  await client.query("create role r password 'pw-canary'")
  client.send(Buffer.from('X\0\0\0\x04', 'latin1'))
  await client.toEnd()
  await rawLogin(governed.gateway.postgres, token).then(other => other.socket.resetAndDestroy())
  await new Promise(resolve => setTimeout(resolve, 300))

  const all = await events()
  const completions = new Map<number, string[]>()
  for (const event of all)
    if (event.kind === 'completion')
      completions.set(event.statement, [...(completions.get(event.statement) ?? []), told(event.completion)])
  const account = all.flatMap(event =>
    event.kind === 'intent' || event.kind === 'refused'
      ? [
          `${event.sql.redacted} ${event.kind === 'refused' ? `refused ${event.refusal.code}` : completions.get(event.statement)?.join()}`,
        ]
      : [],
  )
  expect(account).toMatchInlineSnapshot(`
    [
      "select ? done",
      "select ? done",
      "select ssn, email from customers done",
      "select ?/? not-run, the database reported SQLSTATE 22012 before it came to it",
      "select ? not-run, an earlier statement of its batch failed",
      "drop table orders refused DENIED_BY_RULE",
      "insert into notes values (?, '?') done",
      "select nope not-run, the database reported SQLSTATE 42703 before it came to it",
      "insert into child values (?, ?) failed",
      "drop table notes refused DENIED_BY_RULE",
      "select ? done",
      "select ?/? not-run, the database reported SQLSTATE 22012 before it came to it",
      "select ? not-run, an earlier statement of its batch failed",
      "begin done",
      "select id from notes where id > $1 done,done,done",
      "commit done",
      "select id from notes cancelled",
      "begin done",
      "select '?' not-run, an earlier statement of its batch failed",
      "savepoint s done",
      "rollback to s done",
      "select ?/? not-run, the database reported SQLSTATE 22012 before it came to it",
      "rollback to s done",
      "select '?' done",
      "commit done",
      "select … refused NOT_UNDERSTOOD",
      "copy notes from stdin done",
      "select count(*) from generate_series(?, ?) a, generate_series(?, ?) b cancelled",
      "create role r password '?' refused DENIED_BY_RULE",
    ]
  `)
  expect(
    all.filter(event => event.kind === 'incident').map(event => (event.kind === 'incident' ? event.code : '')),
  ).toEqual(['COMMIT_FAILED', 'MESSAGE_REFUSED', 'QUERY_REFUSED'])
  expect(all.filter(event => event.kind === 'cancel-requested')).toHaveLength(1)

  const [, payload = ''] = token.split('.')
  for (const file of await files(governed.dir)) {
    const bytes = (await readFile(file)).toString('latin1')
    for (const secret of [...SECRETS, 'pw-canary', token, payload, payload.slice(0, 24)])
      expect(bytes, file).not.toContain(secret)
  }
  for (const event of all) {
    const text = JSON.stringify(event)
    for (const secret of [...SECRETS, 'pw-canary', token, payload.slice(0, 24)]) expect(text).not.toContain(secret)
  }
})
