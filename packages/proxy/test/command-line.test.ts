import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CommandWorld, type RunningGateway, startCommandWorld } from './command-world.ts'
import { freePort } from './free-port.ts'

// Every step is a process of its own, and machines are shared.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let world: CommandWorld
let config: string
let gateway: RunningGateway
let agent: Client
beforeAll(async () => {
  world = await startCommandWorld()
  config = await world.configure({ recording: '{ dir: ./recordings }' })
  gateway = await world.up(config)
  agent = await gateway.logIn()
})
afterAll(async () => {
  await agent.end().catch(() => undefined)
  await world.stop()
})

/** Runs a command that prints one JSON document, and nothing else. */
async function json(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { exit, out, err } = await world.run([...args, '--json'], env)
  expect(err).toBe('')
  return { exit, data: JSON.parse(out) as unknown }
}

describe.concurrent('usage', () => {
  test.each([
    [[], 2],
    [['--help'], 0],
    [['help', 'up'], 0],
    [['policy', 'explain', '--help'], 0],
    [['--version'], 0],
    [['bogus'], 2],
    [['up', '--bogus'], 2],
    [['policy'], 2],
    [['policy', 'explain'], 2],
    [['policy', 'explain', 'select 1'], 2],
    [['approvals', 'list', '--state', 'some'], 2],
    [['approvals', 'approve'], 2],
    [['sessions', 'verify'], 2],
    [['sessions', 'verify', 'x', '--all'], 2],
    [['sessions', 'list', '--dir', 'none'], 2],
    [['sessions', 'show', 'none'], 2],
    [['token', '--issuer', 'https://idp.example.com', '--client', 'a'], 2],
  ] as const)('querywarden %j ends with %d', async (args, exit) => {
    const { out, err, ...ended } = await world.run(args)
    expect(ended.exit).toBe(exit)
    expect(exit === 0 ? err : out).toBe('')
    expect(err).not.toMatch(/\n\s+at /)
  })
})

describe('policy check', () => {
  test('a good policy, alone and against the schema', async () => {
    expect(await world.run(['policy', 'check', 'policy.yaml'])).toEqual({
      exit: 0,
      out: 'policy.yaml: no issues\n',
      err: '',
    })
    expect((await world.run(['policy', 'check', 'policy.yaml', '-c', config])).exit).toBe(0)
  })

  test('issues are a finding, with their places', async () => {
    await writeFile(join(world.dir, 'bad.yaml'), 'version: 1\nrules:\n  - { id: a, decision: allow, effect: []  }\n')
    const { exit, data } = await json(['policy', 'check', 'bad.yaml'])
    expect(exit).toBe(1)
    expect(data).toMatchObject({
      file: 'bad.yaml',
      errors: 1,
      warnings: 0,
      issues: [{ level: 'error', line: 3, column: 31, path: ['rules', 0, 'effect'] }],
    })
    const { out } = await world.run(['policy', 'check', 'bad.yaml'])
    expect(out).toMatch(/^bad\.yaml:3:31: error: rules\[0\]\.effect: unknown key, expected one of id,.*\n1 error\n$/)
  })

  test('a column that is not there shows only against the schema', async () => {
    const text = (await readFile(join(world.dir, 'policy.yaml'), 'utf8')).replace('customers.email', 'customers.e_mail')
    await writeFile(join(world.dir, 'other.yaml'), text)
    expect((await world.run(['policy', 'check', 'other.yaml'])).exit).toBe(0)
    const { exit, out } = await world.run(['policy', 'check', 'other.yaml', '-c', config])
    expect(exit).toBe(1)
    expect(out).toMatch(
      /^other\.yaml:\d+:\d+: error: target app: masks\[1\]\.columns\[0\]: public\.customers\.e_mail names no column of the relation, did you mean email\?\n1 error\n$/,
    )
  })

  test('a file or a database that is not there is bad usage', async () => {
    expect((await world.run(['policy', 'check', 'none.yaml'])).exit).toBe(2)
    const away = await world.configure({ url: `postgres://svc_app@127.0.0.1:${await freePort()}/app` })
    const { exit, err } = await world.run(['policy', 'check', 'policy.yaml', '-c', away])
    expect(exit).toBe(2)
    expect(err).toMatch(/^querywarden: the schema of target `app` can't be read: target `app` can't be reached.*\n$/)
  })
})

describe('policy explain', () => {
  const explain = (sql: string, ...more: readonly string[]) =>
    world.run(['policy', 'explain', '-c', config, '--target', 'app', '--group', 'ai-agents', sql, ...more])

  test('allow, with the masks', async () => {
    const { exit, out } = await explain('select name, ssn from customers')
    expect(exit).toBe(0)
    expect(out).toMatch(/^allow\n/)
    expect(out).toContain('mask     public.customers.ssn with redact')
  })

  test('approve, with who may', async () => {
    const { exit, out } = await explain("delete from orders where status = 'new'")
    expect(exit).toBe(0)
    expect(out).toContain('asked by orders-need-a-person: 1 approver in one of dba, within 600 s')
  })

  test.each([
    ['drop table orders', /^deny \(DENIED_BY_RULE\)\n.*Schema changes go through migrations\./],
    ['delete from orders', /^deny \(DENIED_BY_RULE\)\n.*no-unbounded/],
    ['select from where', /^deny /],
    ['select ctid from customers', /^deny \(CANNOT_MASK\)/],
  ])('deny is a finding: %s', async (sql, pattern) => {
    const { exit, out } = await explain(sql)
    expect(out).toMatch(pattern)
    expect(exit).toBe(1)
  })

  test('of several statements each, as one document', async () => {
    const { exit, data } = await json([
      ...['policy', 'explain', '-c', config, '--target', 'app', '--group', 'ai-agents'],
      'select 1; drop table orders',
    ])
    expect(exit).toBe(1)
    expect(data).toMatchObject({ target: 'app', statements: [{ outcome: 'allow' }, { outcome: 'deny' }] })
  })

  test('everybody else is denied', async () => {
    const { exit } = await world.run(['policy', 'explain', '-c', config, '--target', 'app', 'select 1'])
    expect(exit).toBe(1)
  })

  test('no such target, no statement, no database: bad usage', async () => {
    expect((await world.run(['policy', 'explain', '-c', config, '--target', 'none', 'select 1'])).err).toBe(
      'querywarden: there is no target `none`; there are: app\n',
    )
    expect(await explain('-- nothing')).toMatchObject({ exit: 2, out: '' })
  })
})

describe('approvals', () => {
  const approvals = async (who: string, args: readonly string[]) =>
    world.run(['approvals', ...args], {
      QUERYWARDEN_ADMIN: gateway.adminUrl,
      QUERYWARDEN_TOKEN: who === 'agent' ? await world.agentToken() : await world.personToken(who),
    })
  /** Has the agent ask for a delete; gives the request's id and what becomes of the statement. */
  async function held(id: number): Promise<{ request: string; outcome: Promise<unknown> }> {
    const notice = new Promise<string>(resolve => agent.once('notice', ({ message }) => resolve(message ?? '')))
    const outcome = agent.query(`delete from orders where id = ${id}`).then(
      ({ rowCount }) => rowCount,
      (error: unknown) => error,
    )
    return { request: /request ([0-9a-f-]{36})/.exec(await notice)?.[1] ?? '', outcome }
  }

  test('a held DELETE is listed, shown, not for others, not for its asker to approve, and runs once approved', async () => {
    const { request, outcome } = await held(1)
    const short = request.slice(0, 8)
    expect((await approvals('dana', ['list'])).out).toMatch(
      new RegExp(
        `^REQUEST .*\n${request} +pending +agent +app +\\d\\d:\\d\\d:\\d\\d +delete from orders where id = 1\n$`,
      ),
    )
    expect((await approvals('dana', ['show', short])).out).toContain('does            delete on public.orders')
    expect((await approvals('eve', ['list', '--state', 'all'])).out).toBe('no requests that concern you\n')
    expect(await approvals('eve', ['approve', request])).toMatchObject({ exit: 1, out: '' })
    expect(await approvals('agent', ['approve', short])).toEqual({
      exit: 1,
      out: '',
      err: 'querywarden: the asker answered, expected somebody else\n',
    })
    expect(await approvals('dana', ['approve', short, '--reason', 'ticket OPS-7'])).toEqual({
      exit: 0,
      out: `approved ${request}: delete from orders where id = 1\n`,
      err: '',
    })
    expect(await outcome).toBe(1)
    expect((await approvals('dana', ['approve', request])).exit).toBe(1)
  })

  test('a denied one never runs', async () => {
    const { request, outcome } = await held(2)
    expect((await approvals('dana', ['deny', request, '--reason', 'not today'])).exit).toBe(0)
    expect(await outcome).toMatchObject({
      code: '42501',
      message: expect.stringContaining(`request ${request} was denied by dana: `),
    })
    expect(await world.database.exec('select count(*)::int as n from orders where id = 2', 'app')).toEqual([{ n: 1 }])
  })

  test('as JSON', async () => {
    const { data, exit } = await json(['approvals', 'list', '--state', 'all'], {
      QUERYWARDEN_ADMIN: gateway.adminUrl,
      QUERYWARDEN_TOKEN: await world.personToken('dana'),
    })
    expect(exit).toBe(0)
    expect(data).toMatchObject([{ state: 'redeemed' }, { state: 'denied' }])
  })

  test('a bad token is a finding; no token, no gateway and a wrong address are bad usage', async () => {
    const list = (url: string, env: Readonly<Record<string, string>> = { QUERYWARDEN_TOKEN: 'x.y.z' }) =>
      world.run(['approvals', 'list', '--admin', url], env)
    expect((await list(gateway.adminUrl)).exit).toBe(1)
    expect((await list(gateway.adminUrl, {})).exit).toBe(2)
    expect(await list(`http://127.0.0.1:${await freePort()}`)).toMatchObject({
      exit: 2,
      err: expect.stringMatching(/^querywarden: no gateway answers at http:\/\/127\.0\.0\.1:\d+; /),
    })
    expect((await list('127.0.0.1:6480')).exit).toBe(2)
    expect((await list('http://example.com')).err).toContain('expected https')
    const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expect((await list(`http://127.0.0.1:${port}`)).err).toContain('is no gateway')
    other.close()
  })
})

describe('token', () => {
  const token = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    world.run(['token', '--issuer', world.issuer.issuer, '--client', 'agent', ...args], env)

  test('opens a session', async () => {
    const { exit, out } = await token({ QUERYWARDEN_CLIENT_SECRET: world.issuer.clientSecret })
    expect(exit).toBe(0)
    const client = await gateway.logIn(out.trim())
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
  })

  test('a wrong secret is a finding and is not repeated; none is bad usage', async () => {
    const { exit, err } = await token({ QUERYWARDEN_CLIENT_SECRET: 'hunter2' })
    expect(exit).toBe(1)
    expect(err).not.toContain('hunter2')
    expect((await token({})).exit).toBe(2)
    expect(
      (await world.run(['token', '--issuer', gateway.adminUrl, '--client', 'a'], { QUERYWARDEN_CLIENT_SECRET: 'b' }))
        .exit,
    ).toBe(1)
  })
})

describe('doctor', () => {
  test('all is well', async () => {
    const { exit, out } = await world.run(['doctor', '-c', await world.configure()])
    expect(out.split('\n').filter(line => line !== '' && !line.startsWith('ok '))).toEqual([])
    expect(out).toMatch(/^ok {4}target app: PostgreSQL 18, \d+ relations, and the policy fits them$/m)
    expect(exit).toBe(0)
  })

  test('everything that is wrong is named at once, and nothing else', async () => {
    await writeFile(join(world.dir, 'empty.yaml'), 'version: 1\nrules: []\nmaks: []\n')
    const port = await freePort()
    const broken = await world.configure({
      postgres: `{ address: 127.0.0.1:${gateway.port} }`,
      admin: `{ address: 127.0.0.1:${new URL(gateway.adminUrl).port} }`,
      identity: `{ kind: oidc, issuer: "http://127.0.0.1:${port}", audience: q }`,
      url: `postgres://svc_app@127.0.0.1:${port}/app`,
      policy: 'empty.yaml',
      recording: '{ dir: policy.yaml/recordings }',
    })
    const { exit, data } = await json(['doctor', '-c', broken])
    expect(exit).toBe(1)
    const { findings } = data as { findings: { check: string; isGood: boolean; detail: string }[] }
    expect(
      findings.filter(({ isGood }) => !isGood).map(({ check, detail }) => [check.split(' ')[0], detail.slice(0, 40)]),
    ).toEqual([
      ['policy', expect.stringContaining('empty.yaml')],
      ['recordings', "can't be written (ENOTDIR); make it writ"],
      ['identity', expect.stringContaining('does not answer')],
      ['target', expect.stringMatching(/^target `app` can't be reached/)],
      ['listen.postgres', expect.stringContaining(':')],
      ['listen.admin', expect.stringContaining(':')],
    ])
  })

  test.each([
    ['a configuration that can’t be read', 'none.yaml', /^FAIL {2}configuration none\.yaml: /m],
    ['a wrong password', { password: '{ env: WRONG }' }, /^FAIL {2}target app: /m],
    ['a secret that is not there', { password: '{ env: NONE }' }, /^FAIL {2}target app: environment variable `NONE`/m],
    ['tokens in the clear', { postgres: '{ address: 0.0.0.0:0 }' }, /^FAIL {2}exposure: /m],
    [
      'a short recording key',
      { recording: '{ dir: r, key: { env: WRONG } }' },
      /^FAIL {2}recordings .*64 hexadecimal/m,
    ],
  ] as const)('%s', async (_, given, line) => {
    const file = typeof given === 'string' ? given : await world.configure(given)
    const { exit, out } = await world.run(['doctor', '-c', file], { WRONG: 'hunter2-hunter2-hunter2' })
    expect(out).toMatch(line)
    expect(out.match(/^FAIL/gm)).toHaveLength(1)
    expect(out).not.toContain('hunter2')
    expect(exit).toBe(1)
  })
})

describe('sessions', () => {
  const sessions = (...args: readonly string[]) => world.run(['sessions', ...args])
  let ids: readonly string[]
  let files: readonly string[]

  beforeAll(async () => {
    await agent.query('select name, ssn from customers')
    await agent.query('drop table orders').catch(() => undefined)
    await agent.end()
    await gateway.end('SIGTERM')
    const [boot = ''] = (await readdir(join(world.dir, 'recordings'))).filter(name => name !== 'recording.key')
    const folder = join(world.dir, 'recordings', boot)
    files = (await readdir(folder))
      .filter(name => name.endsWith('.dbrec'))
      .sort()
      .map(name => join(folder, name))
    ids = files.map(file => file.slice(folder.length + 1, -'.dbrec'.length))
  })

  test('list, show and replay', async () => {
    const [id = ''] = ids
    expect(ids).toHaveLength(2)
    const listed = await sessions('list')
    expect(listed.out.split('\n')[1]).toMatch(new RegExp(`^${id} +\\S+ +agent of http\\S+ +app +closed$`))
    const { data } = await json(['sessions', 'show', id])
    expect(data).toMatchObject({ recording: id, target: 'app', state: 'closed', counts: { granted: 1, denied: 1 } })
    const shown = await sessions('show', (data as { session: string }).session)
    expect(shown.out).toContain(`recording  ${id}`)
    const replayed = await sessions('replay', id)
    expect(replayed.out).toContain('drop table orders')
    expect(replayed.out).toContain('reason: ticket OPS-7')
    expect(replayed.out).toContain('session closed: client-terminated')
    const events = (await json(['sessions', 'replay', id])).data
    expect(events).toContainEqual(expect.objectContaining({ kind: 'opened' }))
  })

  test('without the key, or with another, nothing is shown', async () => {
    const [id = ''] = ids
    await writeFile(join(world.dir, 'other.key'), 'ab'.repeat(32))
    await writeFile(join(world.dir, 'no.key'), 'ab')
    for (const key of ['none.key', 'no.key', 'other.key']) {
      const { exit, out, err } = await sessions('replay', id, '--key-file', key)
      expect({ key, exit, out }).toEqual({ key, exit: 2, out: '' })
      expect(err).toMatch(/^querywarden: .*key/)
    }
  })

  test('verify: COMPLETE, then TAMPERED by one byte, then MISSING', async () => {
    const [first = '', second = ''] = ids
    const [file = '', gone = ''] = files
    const all = await sessions('verify', '--all')
    expect(all).toMatchObject({ exit: 0, err: '' })
    expect(all.out.match(/COMPLETE/g)).toHaveLength(2)

    const bytes = await readFile(file)
    const at = Math.floor(bytes.length / 2)
    bytes[at] = bytes[at]! ^ 1
    await writeFile(file, bytes)
    expect(await sessions('verify', first)).toMatchObject({ exit: 1, out: expect.stringMatching(/ TAMPERED /) })
    expect((await sessions('verify', second)).exit).toBe(0)

    await rm(gone)
    expect(await sessions('verify', second)).toMatchObject({ exit: 1, out: expect.stringMatching(/ MISSING /) })
    expect(await sessions('replay', second)).toMatchObject({ exit: 1, out: '' })
    const { exit, data } = await json(['sessions', 'verify', '--all'])
    expect(exit).toBe(1)
    expect(data).toMatchObject({
      recordings: [
        { recording: first, verdict: { kind: 'TAMPERED' } },
        { recording: second, verdict: { kind: 'MISSING' } },
      ],
    })
  })

  test('a damaged instance log is a finding of its own', async () => {
    const folder = join(files[0]!, '..')
    const log = join(folder, 'instance.log')
    const bytes = await readFile(log)
    const at = Math.floor(bytes.length / 2)
    bytes[at] = bytes[at]! ^ 1
    await writeFile(log, bytes)
    const { exit, out } = await sessions('verify', '--all')
    expect(out).toContain('LOG DAMAGED')
    expect(exit).toBe(1)
  })
})
