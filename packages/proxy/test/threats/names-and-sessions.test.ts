import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readRecording } from '@querywarden/recording'
import { encodeClose, encodeQuery, SYNC } from '@querywarden/wire/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEY_FILE, readRecordingKey } from '../../src/open-recorder.ts'
import { type Governed, govern, SCHEMA } from '../governed-database.ts'
import { bind, execute, parse, type RawClient } from '../raw-client.ts'
import { patientLogin } from './patient-login.ts'

const POLICY = `version: 1
rules:
  - { id: all, decision: allow, what: { effects: [read, write, transaction, session], relations: ["public.*"] } }
  - { id: starts, decision: allow, what: { effects: [read, transaction, session] } }
`

let governed: Governed
beforeAll(async () => {
  governed = await govern({ policy: POLICY, schema: `${SCHEMA} create table ran (tag text);` })
})
afterAll(() => governed.stop())

const login = async (): Promise<RawClient> => patientLogin(governed.gateway.postgres, await governed.token())

/** Tags of the statements that the recordings say were done, one for each time. Literals are not recorded; names are. */
async function recordedTags(): Promise<string[]> {
  const kek = readRecordingKey(await readFile(join(governed.recordings, KEY_FILE), 'utf8'))
  const found = await readdir(governed.recordings, { recursive: true })
  const tags: string[] = []
  for (const file of found.filter(name => name.endsWith('.dbrec'))) {
    const texts = new Map<number, string>()
    for await (const event of readRecording(join(governed.recordings, file), { kek })) {
      if (event.kind === 'intent') texts.set(event.statement, event.sql.redacted)
      if (event.kind !== 'completion' || event.completion.kind !== 'done') continue
      const text = texts.get(event.statement) ?? ''
      // To prepare a statement is not to run it.
      if (!/^\s*prepare/i.test(text)) tags.push(...(/tag_\d+/.exec(text) ?? []))
    }
  }
  return tags.sort()
}

type Act =
  | { readonly kind: 'parse' | 'run' | 'close' | 'prepare' | 'execute' | 'deallocate'; readonly name: string }
  | { readonly kind: 'suspend' | 'fetch'; readonly name: string }

test('P4: whatever is parsed, prepared, closed and deallocated under one name, the text that runs is the text recorded', async () => {
  let made = 0
  const marked = (): string => {
    made += 1
    return `insert into ran select 'tag_${made}' as tag_${made}`
  }
  const messages = ({ kind, name }: Act): readonly Uint8Array[] => {
    switch (kind) {
      case 'parse':
        return [parse(name, marked()), SYNC]
      case 'run':
        return [bind('', name), execute(), SYNC]
      case 'close':
        return [encodeClose({ kind: 'statement', name }), SYNC]
      case 'prepare':
        return [encodeQuery({ query: `prepare ${quoted(name)} as ${marked()}` })]
      case 'execute':
        return [encodeQuery({ query: `execute ${quoted(name)}` })]
      case 'deallocate':
        return [encodeQuery({ query: `deallocate ${quoted(name)}` })]
      case 'suspend':
        return [parse('', marked()), bind(name, ''), execute(name, 1), SYNC]
      case 'fetch':
        return [encodeQuery({ query: `fetch all from ${quoted(name)}` })]
    }
  }
  const quoted = (name: string): string => (name === '' ? '""' : name)
  const act = fc.record({
    kind: fc.constantFrom<Act['kind'][]>(
      'parse',
      'parse',
      'run',
      'run',
      'run',
      'close',
      'prepare',
      'execute',
      'deallocate',
      'suspend',
      'fetch',
    ),
    name: fc.constantFrom('a', 'a', 'b', '', 'qw_1', 'qw_2'),
  })
  let client = await login()
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 12 }), async acts => {
      for (const one of acts) {
        client.send(...messages(one))
        const lines = await client.until('Z')
        if (lines.at(-1) === 'closed') client = await login()
      }
    }),
    { seed: 4, numRuns: 80 },
  )
  client.send(Buffer.from('X\0\0\0\x04', 'latin1'))
  await client.toEnd()
  await new Promise(resolve => setTimeout(resolve, 200))
  const ran = (await governed.database.exec('select tag from ran')).map(({ tag }) => String(tag)).sort()
  expect(ran.length).toBeGreaterThan(50)
  expect(await recordedTags()).toEqual(ran)
})

test('P13: sessions beside each other see no row of another, and each has one session at the database', async () => {
  const clients = await Promise.all(Array.from({ length: 8 }, login))
  const atDatabase = async (): Promise<readonly string[]> =>
    (
      await governed.database.exec(
        "select pid::text || '-' || backend_start::text as id from pg_stat_activity where usename = 'svc_app' and query like '%canary_%' order by 1",
      )
    ).map(({ id }) => String(id))
  await Promise.all(clients.map((client, i) => client.query(`select 'first' as canary_${i}`)))
  const before = await atDatabase()
  expect(before).toHaveLength(clients.length)

  await Promise.all(
    clients.map(async (client, i) => {
      for (let round = 0; round < 25; round++) {
        const own = `canary_${i}_${round}`
        client.send(
          encodeQuery({ query: `select '${own}' from generate_series(1, ${(round * 7) % 40})` }),
          parse('same', `select '${own}' as canary_`),
          bind('', 'same'),
          execute(),
          // One that fails, so that what is skipped could be mistaken for what is answered.
          ...(round % 3 === 0 ? [parse('', 'select 1/0'), bind('', ''), execute()] : []),
          encodeClose({ kind: 'statement', name: 'same' }),
          SYNC,
          encodeClose({ kind: 'statement', name: 'same' }),
          SYNC,
        )
        const lines = [...(await client.until('Z')), ...(await client.until('Z')), ...(await client.until('Z'))]
        const rows = lines.filter(line => line.startsWith('D '))
        expect(rows).toHaveLength(((round * 7) % 40) + 1)
        expect(new Set(rows)).toEqual(new Set([`D ${own}`]))
      }
    }),
  )
  await Promise.all(clients.map((client, i) => client.query(`select 'last' as canary_${i}`)))
  expect(await atDatabase()).toEqual(before)
  for (const [i, client] of clients.entries())
    for (const other of clients.keys()) if (other !== i) expect(client.text).not.toContain(`canary_${other}_`)

  // Nobody gets the session of one that has gone.
  for (const client of clients) client.socket.destroy()
  const next = await login()
  await next.query("select 'next' as canary_9")
  for (let tries = 0; tries < 100 && (await atDatabase()).length > 1; tries++)
    await new Promise(resolve => setTimeout(resolve, 20))
  const after = await atDatabase()
  expect(after).toHaveLength(1)
  expect(before).not.toContain(after[0])
  next.socket.destroy()
})
