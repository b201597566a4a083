import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { listRecordings } from '@querywarden/recording'
import { encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sessionsExport } from '../src/commands/session-export.ts'
import { sessionsReplay } from '../src/commands/session-replay.ts'
import { sessionsList } from '../src/commands/session-search.ts'
import type { Terminal } from '../src/commands/terminal.ts'
import { openLog } from '../src/log.ts'
import { type Governed, govern, SCHEMA } from './governed-database.ts'
import { bind, execute, parse, rawLogin } from './raw-client.ts'

const POLICY = `version: 1
rules:
  - { id: all, decision: allow, who: { groups: [ai-agents] }, what: { effects: [read, write, ddl, dcl, session, transaction, procedural, external, maintenance, unknown] } }
record:
  - { rows: all }
`

/** Each form has a secret of its own, so that a leak names its form. */
const FORMS: readonly (readonly [form: string, sql: (secret: string) => string, then?: string])[] = [
  ['create role', s => `create role r1 login password '${s}'`],
  ['alter role', s => `alter role svc_app password '${s}'`],
  ['alter user, as an escape string', s => `alter user svc_app with encrypted password E'${s}'`],
  ['create role, dollar-quoted', s => `create role r2 password $q$${s}$q$`],
  ['create role that fails', s => `create role svc_app password '${s}'`],
  ['create role with a typing mistake behind it', s => `create role r3 password '${s}' lgoin`],
  ['alter role of nobody', s => `alter role nobody_there password '${s}'`],
  ['user mapping', s => `create user mapping for svc_app server srv options (user 'u', password '${s}')`],
  ['server', s => `create server srv2 foreign data wrapper fdw options (dbname '${s}')`],
  ['subscription', s => `create subscription sub connection 'host=127.0.0.1 port=1 password=${s}' publication p`],
  ['dblink', s => `select * from dblink('host=127.0.0.1 password=${s}', 'select 1') as t(a int)`],
  ['pgp_sym_encrypt', s => `select pgp_sym_encrypt('note', '${s}')`],
  ['pgp_sym_decrypt', s => `select pgp_sym_decrypt('\\x00'::bytea, '${s}')`],
  ['crypt', s => `select crypt('${s}', 'x')`],
  ['a setting', s => `set app.api_key = '${s}'`],
  ['a setting without quotes', s => `set app.secret_key to ${s}`],
  ['set_config, given back', s => `select set_config('app.x', '${s}', false)`],
  ['set_config that fails with it', s => `select set_config('app.password', '${s}', false)::int`],
  ['alter system', s => `alter system set primary_conninfo = 'password=${s}'`],
  ['a line comment', s => `select 1 -- password: ${s}`],
  ['a block comment', s => `select /* the token is ${s} */ 1`],
  ['a do block', s => `do $$ begin execute 'alter role svc_app password ''${s}'''; end $$`],
  ['a do block that fails with it', s => `do $$ begin raise exception 'password %', '${s}'; end $$`],
  ['a do block that says it', s => `do $$ begin raise notice 'password %', '${s}'; end $$`],
  ['a url', s => `select 'postgres://bob:${s}@db/app'`],
  ['a secret by its column, given back', s => `select '${s}' as password`],
  ['an assignment to a secret column', s => `update accounts set password_hash = '${s}' where id = 1`],
  ['a secret column in an insert that fails', s => `insert into accounts (id, password_hash) values (1, '${s}')`],
  ['a prepared statement', s => `prepare p1 as select '${s}'::text as password`],
  [
    'execute of one',
    s => `prepare p2(text) as update accounts set password_hash = $1 where id = 1; execute p2('${s}')`,
  ],
  ['copy to a program', s => `copy notes to program 'curl -H "Authorization: token ${s}"'`],
  ['an unfinished string', s => `alter role svc_app password '${s}`],
  ['no SQL at all', s => `password is ${s}`],
  ['explain', s => `explain (verbose) select * from accounts where password_hash = '${s}'`],
  ['a cursor', s => `declare c cursor for select '${s}' as secret`],
  [
    'a text shown by pg_prepared_statements',
    s => `prepare p3 as select '${s}'::text as password`,
    'select * from pg_prepared_statements',
  ],
  ['a text shown by current_query', s => `select '${s}' as password; select current_query()`],
  ['a setting that is shown', s => `set app.secret_key = '${s}'`, 'show app.secret_key'],
  [
    'a setting that is read',
    s => `set app.place = 'postgres://bob:${s}@db/app'`,
    "select current_setting('app.place')",
  ],
  [
    'options of a server',
    s => `create server srv3 foreign data wrapper fdw options (dbname '${s}')`,
    'select * from pg_foreign_server',
  ],
  ['a cast that fails with it', s => `select * from accounts where password_hash = '${s}' and '${s}'::int = 1`],
]

const secrets = new Map(FORMS.map(([form]) => [form, `c${randomBytes(9).toString('hex')}`]))
const secretOf = (form: string): string => secrets.get(form) ?? ''
/** What came back of those that something shows afterwards. */
const shown = new Map<string, string>()
/** As a parameter of the extended protocol. */
const PARAMETER = `c${randomBytes(9).toString('hex')}`

/** All that the project wrote or said, by where. */
const written = new Map<string, Buffer>()
let governed: Governed
let token: string
const logged: Buffer[] = []

/** What a syslog server is told, in both formats. */
const streamed: Buffer[] = []
const server = createServer(socket => {
  socket.on('data', data => streamed.push(data)).on('error', () => undefined)
})

beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const syslog = { kind: 'syslog', host: '127.0.0.1', port, tls: null } as const
  governed = await govern({
    targetUser: 'postgres',
    policy: POLICY,
    recording: {
      stream: [
        { ...syslog, format: 'jsonl' },
        { ...syslog, format: 'ocsf' },
      ],
    },
    schema: `${SCHEMA}
create table accounts (id int primary key, password_hash text);
insert into accounts values (1, 'x');
create foreign data wrapper fdw; create server srv foreign data wrapper fdw;`,
    log: openLog('debug', { write: line => logged.push(Buffer.from(line)) }),
  })
  token = await governed.token()
  const client = await rawLogin(governed.gateway.postgres, token)
  for (const [form, sql, then] of FORMS) {
    if (form === 'a cursor') await client.query('begin')
    await client.query(sql(secretOf(form)))
    if (form === 'a cursor') await client.query('fetch all from c')
    if (then !== undefined) shown.set(form, (await client.query(then)).join('\n'))
    await client.query('rollback')
  }
  client.send(
    parse('s', 'update accounts set password_hash = $1 where id = 1', [25]),
    bind('', 's', [PARAMETER]),
    execute(''),
    SYNC,
  )
  await client.until('Z')
  client.send(encodeQuery({ query: 'select count(*) from accounts' }))
  await client.until('Z')
  client.send(Buffer.from('X\0\0\0\x04', 'latin1'))
  await client.toEnd()
  const metrics = await fetch(`http://${governed.gateway.admin.host}:${governed.gateway.admin.port}/metrics`)
  written.set('metrics', Buffer.from(await metrics.arrayBuffer()))
  await governed.gateway.stop()
  await collect()
}, 60_000)
afterAll(async () => {
  server.close()
  await governed.stop()
})

async function collect(): Promise<void> {
  const dir = governed.recordings
  for (const { recording } of await listRecordings(dir)) {
    const options = { dir, speed: 'max', rows: true }
    await said(`replay ${recording}`, terminal => sessionsReplay(terminal, recording, options))
    await said(`script ${recording}`, terminal => sessionsReplay(terminal, recording, { ...options, sqlOnly: true }))
  }
  for (const format of ['jsonl', 'ocsf'] as const)
    await said(`export ${format}`, terminal =>
      sessionsExport(terminal, undefined, { dir, all: true, format, values: true }),
    )
  await said('search', terminal => sessionsList({ ...terminal, isJson: true }, { dir, limit: '9', text: 'select' }))
  written.set('log', Buffer.concat(logged))
  written.set('streams', Buffer.concat(streamed))
  const found = await readdir(governed.dir, { recursive: true, withFileTypes: true })
  for (const { name, parentPath } of found.filter(file => file.isFile()))
    written.set(join(parentPath, name).slice(governed.dir.length), await readFile(join(parentPath, name)))
}

async function said(what: string, run: (terminal: Terminal) => Promise<number>): Promise<void> {
  const lines: string[] = []
  const line = (text: string): number => lines.push(text)
  expect(await run({ out: line, note: line, isJson: false }), what).toBe(0)
  written.set(what, Buffer.from(lines.join('\n')))
}

/** A text in the forms that it could hide in: as it is, in hex, UTF-16, and base64 at each of three offsets. */
function disguises(secret: string): readonly Buffer[] {
  const plain = Buffer.from(secret)
  const base64 = [0, 1, 2].map(offset => {
    const text = Buffer.concat([Buffer.alloc(offset), plain]).toString('base64')
    // What the bytes before and after take part in is left out.
    return text.slice(offset === 0 ? 0 : offset + 1, -4)
  })
  return [
    plain,
    Buffer.from(plain.toString('hex')),
    Buffer.from(plain.toString('hex').toUpperCase()),
    Buffer.from(secret, 'utf16le'),
    Buffer.from(secret, 'utf16le').swap16(),
    ...base64.map(text => Buffer.from(text)),
  ]
}

const leaksOf = (secret: string): readonly string[] =>
  [...written].filter(([, bytes]) => disguises(secret).some(form => bytes.includes(form))).map(([where]) => where)

describe('R4: no secret is in any file, recording, export, index, metric or log line', () => {
  test('where all was read, the opened recordings too', () => {
    const account = written.get('export jsonl')?.toString() ?? ''
    expect([...written.keys()].join(' ')).toMatch(/instance\.log.*|\.dbrec/)
    expect([...written.keys()].some(name => name.includes('.index/'))).toBe(true)
    expect(account).toContain('select count(*) from accounts')
    // Rows are recorded, and so are the words of notices and errors where nothing secret is near.
    expect(account).toContain('"values":[["1"]]')
    expect(leaksOf('password_hash')).toEqual(expect.arrayContaining(['export jsonl', 'streams', 'search']))
    expect(written.get('metrics')?.toString()).toMatch(
      /^querywarden_stream_sent_events_total\{stream="syslog [^}]+"\} [1-9]/m,
    )
  })

  test.each(FORMS.map(([form]) => form))('%s', form => {
    expect(leaksOf(secretOf(form))).toEqual([])
    if (shown.has(form)) expect(shown.get(form)).toContain(secretOf(form))
  })

  test('a parameter of a statement that may hold a secret', () => {
    expect(leaksOf(PARAMETER)).toEqual([])
  })

  test('the token that the client logged in with, nor any part of it', () => {
    const [, payload = '', signature = ''] = token.split('.')
    for (const part of [token, payload, payload.slice(0, 40), signature, signature.slice(0, 40)])
      expect(leaksOf(part)).toEqual([])
  })

  test('the password of the database', () => {
    expect(leaksOf(governed.database.password)).toEqual([])
  })
})
