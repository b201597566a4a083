import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { loadConfig } from '../src/config/load.ts'
import { startGateway } from '../src/gateway.ts'
import { type Log, openLog } from '../src/log.ts'
import { type CommandWorld, type RunningGateway, startCommandWorld } from './command-world.ts'
import { freePort } from './free-port.ts'
import { POLICY } from './governed-database.ts'
import { rawLogin } from './raw-client.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let world: CommandWorld
beforeAll(async () => {
  world = await startCommandWorld()
})
afterAll(() => world.stop())

const metricsOf = async ({ adminUrl }: RunningGateway): Promise<string> =>
  (await fetch(new URL('/metrics', adminUrl))).text()
const readinessOf = async (adminUrl: string): Promise<[number, readonly string[]]> => {
  const response = await fetch(new URL('/readyz', adminUrl))
  const { reasons } = (await response.json()) as { reasons: readonly string[] }
  return [response.status, reasons]
}
const codeOf = (query: Promise<unknown>): Promise<unknown> =>
  query.then(
    () => 'fine',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )
/** Sends SIGHUP and waits until the log says what came of it. */
async function reload(gateway: RunningGateway): Promise<'done' | 'refused'> {
  const before = gateway.out().length
  gateway.child.kill('SIGHUP')
  for (;;) {
    const said = gateway.out().slice(before)
    if (said.includes('the configuration was reloaded')) return 'done'
    if (said.includes('the configuration was not reloaded')) return 'refused'
    await sleep(20)
  }
}

describe('SIGHUP', () => {
  const DENY_ALL = POLICY.replace(
    'rules:\n',
    'rules:\n  - { id: nothing, decision: deny, what: { effects: [read] }, reason: closed }\n',
  )

  test('F6, F33: a changed policy is felt by open sessions from their next statement on', async () => {
    await writeFile(join(world.dir, 'changing.yaml'), POLICY)
    const gateway = await world.up(await world.configure({ policy: './changing.yaml' }))
    const client = await gateway.logIn()
    expect(await codeOf(client.query('select name from customers'))).toBe('fine')
    await writeFile(join(world.dir, 'changing.yaml'), DENY_ALL)
    expect(await codeOf(client.query('select name from customers'))).toBe('fine')
    expect(await reload(gateway)).toBe('done')
    expect(await codeOf(client.query('select name from customers'))).toBe('42501')
    await writeFile(join(world.dir, 'changing.yaml'), POLICY)
    expect(await reload(gateway)).toBe('done')
    expect((await client.query('select ssn from customers where id = 1')).rows).toEqual([{ ssn: '[redacted]' }])
    await client.end()
    expect(await metricsOf(gateway)).toContain('querywarden_reloads_total{result="done"} 2')
    expect((await gateway.end('SIGTERM')).exit).toBe(0)
  })

  test('F33: what is wrong with any part of it leaves all of it as it was, and says why', async () => {
    await writeFile(join(world.dir, 'bad.yaml'), POLICY)
    const config = await world.configure({ policy: './bad.yaml', more: 'limits: { sessions: 2 }' })
    const good = await readFile(config, 'utf8')
    const gateway = await world.up(config)
    const client = await gateway.logIn()
    const other = (text: string) => good.replace('limits: { sessions: 2 }', text)
    const misfit = POLICY.replace('public.customers.ssn', 'public.customers.snn')
    for (const [text, policy, why] of [
      ['listen: {', POLICY, 'querywarden-\\d+.yaml:1:'],
      [good, 'version: 1\nrules: [{ id: a, decision: permit }]\n', 'expected one of allow, approve, deny'],
      [good, misfit, 'the policy does not fit the schema of target `app`.*public.customers.snn'],
      [good.replace('DB_PASSWORD', 'NOT_SET'), POLICY, 'environment variable `NOT_SET`'],
      [good.replace('127.0.0.1:0 }', '127.0.0.1:1 }'), POLICY, '`listen.postgres.address` can.t be changed'],
      [good.replace('recordings-', 'elsewhere-'), POLICY, '`recording` can.t be changed while the gateway runs'],
      [
        `${other('limits: { sessions: 2, approvals_pending: 7 }')}workers: 2\n`,
        POLICY,
        '`limits.approvals_pending`, `workers` can.t',
      ],
      // The limit would do, the mask has no key: neither comes into force.
      [other('limits: { sessions: 9 }'), POLICY.replace('with: redact', 'with: hash'), 'masking.hash_key'],
    ] as const) {
      await writeFile(config, text)
      await writeFile(join(world.dir, 'bad.yaml'), policy)
      const before = gateway.out().length
      expect([await reload(gateway), why]).toEqual(['refused', why])
      expect(gateway.out().slice(before)).toMatch(new RegExp(why))
      expect(await codeOf(client.query('select name from customers'))).toBe('fine')
    }
    const second = await gateway.logIn()
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '53300' })
    expect(await metricsOf(gateway)).toContain('querywarden_reloads_total{result="refused"} 8')
    for (const one of [client, second]) await one.end()
    await gateway.end('SIGTERM')
  })

  test('targets, secrets and limits change with it; a session stays on the database it is on', async () => {
    await world.database.exec('create database other')
    await world.database.exec("create role rotating login password 'first'")
    const other = new Client({ connectionString: world.database.url.replace('/app', '/other') })
    await other.connect()
    await other.query('create table customers (id int primary key, ssn text, email text, wider int)')
    await other.query('create table notes (id int); create table orders (id int)')
    await other.query('grant select on customers to rotating')
    await other.end()
    await world.database.exec('grant select on all tables in schema public to rotating')
    await writeFile(join(world.dir, 'rotating.pw'), 'first')
    const config = await world.configure({
      url: `postgres://rotating@127.0.0.1:${world.database.port}/app`,
      password: '{ file: ./rotating.pw }',
      more: 'limits: { sessions: 1 }',
    })
    const gateway = await world.up(config)
    const client = await gateway.logIn()
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '53300' })
    await world.database.exec("alter role rotating password 'second'")
    await writeFile(join(world.dir, 'rotating.pw'), 'second')
    const text = await readFile(config, 'utf8')
    await writeFile(config, text.replace('/app\n', '/other\n').replace('sessions: 1', 'sessions: 2'))
    expect(await reload(gateway)).toBe('done')
    const second = await gateway.logIn()
    expect((await second.query('select count(*)::int as n, max(wider) as w from customers')).rows).toEqual([
      { n: 0, w: null },
    ])
    // Judged by the schema of the database that it is on, which has no column of this name.
    expect(await codeOf(client.query('select wider from customers'))).not.toBe('fine')
    expect((await client.query('select count(*)::int as n from customers')).rows).toEqual([{ n: 2 }])
    for (const one of [client, second]) await one.end()
    await gateway.end('SIGTERM')
  })
})

describe('health and metrics', () => {
  test('count what was asked, allowed, refused and shown, by bounded labels, without a token', async () => {
    const gateway = await world.up(await world.configure())
    expect((await fetch(new URL('/healthz', gateway.adminUrl))).status).toBe(200)
    expect(await readinessOf(gateway.adminUrl)).toEqual([200, []])
    const client = await gateway.logIn()
    await client.query('select name, ssn from customers')
    await client.query("insert into notes values (501, 'c4nary')")
    await codeOf(client.query('drop table orders'))
    await codeOf(client.query('select 1 / (id - id) from orders'))
    await codeOf(client.query('no sql at all'))
    await expect(gateway.logIn('no-token')).rejects.toThrow()
    const text = await metricsOf(gateway)
    for (const line of [
      'querywarden_sessions_open{target="app"} 1',
      'querywarden_sessions_opened_total{target="app"} 1',
      'querywarden_sessions_refused_total{reason="identity"} 1',
      'querywarden_statements_total{effect="read",decision="allow",outcome="done"} 1',
      'querywarden_statements_total{effect="read",decision="allow",outcome="failed"} 1',
      'querywarden_statements_total{effect="write",decision="allow",outcome="done"} 1',
      'querywarden_statements_total{effect="ddl",decision="deny",outcome="refused"} 1',
      'querywarden_statements_total{effect="unknown",decision="deny",outcome="refused"} 1',
      'querywarden_rule_hits_total{rule="no-ddl"} 1',
      'querywarden_rule_hits_total{rule="no-unbounded"} 0',
      'querywarden_masked_columns_total{mask="redact"} 1',
      'querywarden_masked_rows_total 2',
      'querywarden_approvals_waiting 0',
      'querywarden_stage_seconds_count{stage="upstream"} 3',
    ])
      expect(text).toContain(`${line}\n`)
    expect(text).toMatch(/^querywarden_catalog_age_seconds\{target="app"\} \d/m)
    expect(text).toMatch(/^querywarden_policy_info\{version="[0-9a-f]{16}"\} 1/m)
    expect(text).toMatch(/^querywarden_build_info\{version="[^"]+",node="v/m)
    expect(text).toMatch(/^process_resident_memory_bytes \d{6,}/m)
    expect(text).not.toMatch(/c4nary|ai-agents|public\.|svc_app/)
    await client.end()
    await gateway.end('SIGTERM')
  })

  test('have a listener of their own on any address, which serves nothing else', async () => {
    const gateway = await world.up(
      await world.configure({ admin: '{ address: 127.0.0.1:0 }\n  metrics: { address: 0.0.0.0:0 }' }),
    )
    const [line] = await gateway.prints(/^.*querywarden is up.*$/m)
    const { metrics } = JSON.parse(line) as { readonly metrics: { readonly port: number } }
    const at = (path: string) => fetch(`http://127.0.0.1:${metrics.port}${path}`)
    expect(await (await at('/metrics')).text()).toContain('querywarden_build_info')
    expect((await at('/readyz')).status).toBe(200)
    expect((await at('/v1/approvals')).status).toBe(404)
    expect((await fetch(new URL('/metrics', gateway.adminUrl))).status).toBe(404)
    await gateway.end('SIGTERM')
  })

  test('readiness: not while a database does not show its schema', async () => {
    const gateway = await world.up(
      await world.configure({ url: `postgres://svc_app@127.0.0.1:${await freePort()}/app` }),
    )
    expect(await readinessOf(gateway.adminUrl)).toEqual([503, ["the schema of target `app` can't be read"]])
    await gateway.end('SIGTERM')
  })
})

const injecting = (code: string) => ({
  NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} })`)}`,
})

describe('overload', () => {
  test('O1: a late event loop turns new sessions away with 53300; those that there are go on', async () => {
    const busy = 'setInterval(() => { const until = Date.now() + 300; while (Date.now() < until); }, 1)'
    const gateway = await world.up(await world.configure(), injecting(busy))
    const client = await gateway.logIn()
    gateway.child.kill('SIGUSR2')
    await gateway.prints(/new sessions are turned away/)
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '53300', message: /^this gateway is overloaded/ })
    expect(await readinessOf(gateway.adminUrl)).toEqual([503, [expect.stringMatching(/^this gateway is overloaded/)]])
    expect(await metricsOf(gateway)).toMatch(/^querywarden_event_loop_delay_seconds\{quantile="1"\} 0\.[2-9]/m)
    expect(await codeOf(client.query('select 1'))).toBe('fine')
    await gateway.end('SIGKILL')
  })

  test('F35: over the memory limit idle sessions are closed and new ones turned away; one in a transaction stays', async () => {
    const config = await world.configure({ more: 'limits: { memory_mb: 4096, message_bytes: 268435456 }' })
    const gateway = await world.up(config)
    const [idle, working] = [await gateway.logIn(), await gateway.logIn()]
    await working.query('begin')
    const greedy = await rawLogin({ host: '127.0.0.1', port: gateway.port }, await world.agentToken())
    await greedy.query('begin')
    // The beginning of a query of 250 MB, which is kept until the rest comes.
    greedy.send(Buffer.from([0x51, 0x0f, 0, 0, 0]), Buffer.alloc(200_000_000, 0x20))
    const goodbye = new Promise<unknown>(resolve => idle.once('error', resolve))
    await writeFile(config, (await readFile(config, 'utf8')).replace('4096', '256'))
    await reload(gateway)
    expect(await goodbye).toMatchObject({ code: '57P05' })
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '53300', message: /short of memory/ })
    expect(await codeOf(working.query('select 1'))).toBe('fine')
    expect(await metricsOf(gateway)).toMatch(/^querywarden_sessions_evicted_total [1-9]/m)
    greedy.socket.destroy()
    await working.end()
    await gateway.end('SIGTERM')
  })
})

test('no token, password, statement or value reaches the log, on good ways and bad', async () => {
  const canaries = new Set<string>()
  const canary = (): string => {
    const made = `c4nary${randomBytes(6).toString('hex')}`
    canaries.add(made)
    return made
  }
  await writeFile(join(world.dir, 'canary.yaml'), POLICY)
  const config = await world.configure({
    policy: './canary.yaml',
    identity: `{ kind: oidc, issuer: "${world.issuer.issuer}", audience: querywarden }\n  - { kind: static, tokens: [{ token: { env: DEV }, subject: devin, groups: [ai-agents] }] }`,
    more: 'masking: { hash_key: { env: HASH_KEY } }',
  })
  const [password, dev, hash] = [world.env['DB_PASSWORD'] ?? '', canary(), canary()]
  canaries.add(password)
  const gateway = await world.up(config, { DEV: dev, HASH_KEY: hash })
  const token = await world.agentToken()
  canaries.add(token)
  canaries.add(token.split('.')[2] ?? '')

  for (const bad of [canary(), `eyJ${canary()}.e30.${canary()}`, `${token}x`, token.slice(0, -9)]) {
    canaries.add(bad)
    await codeOf(gateway.logIn(bad))
  }
  const odd = { host: '127.0.0.1', port: gateway.port, password: token }
  for (const changes of [
    { user: canary(), database: canary() },
    { user: canary(), database: 'app', options: `-c x=${canary()}` },
    { user: canary(), database: 'app', application_name: canary(), password: canary() },
  ])
    await codeOf(new Client({ ...odd, ...changes }).connect())
  for (const login of [token, dev]) {
    const client = await gateway.logIn(login)
    for (const text of [
      `select '${canary()}' as "${canary()}"`,
      `select * from ${canary()} where x = '${canary()}'`,
      `insert into notes values (1, '${canary()}'), (1, '${canary()}')`,
      `select '${canary()}'::int`,
      `alter role svc_app password '${canary()}'`,
      `update orders set status = '${canary()}'`,
      `not sql '${canary()}`,
      `set application_name = '${canary()}'`,
    ])
      await codeOf(client.query(text))
    await codeOf(client.query('select $1::int', [canary()]))
    await codeOf(client.query('select * from customers where name = $1', [canary()]))
    await client.end()
  }
  await codeOf(fetch(new URL('/v1/approvals', gateway.adminUrl), { headers: { authorization: `Bearer ${canary()}` } }))
  await fetch(new URL(`/v1/approvals/${canary()}`, gateway.adminUrl), { headers: { authorization: `Bearer ${token}` } })
  await writeFile(join(world.dir, 'canary.yaml'), `version: 1\nrules:\n  - { id: ${canary()}: `)
  await reload(gateway)
  const { out, err } = await gateway.end('SIGTERM')
  expect(out).toContain('login refused')
  expect(out).toContain('session opened')
  for (const secret of canaries)
    expect([secret, out.includes(secret), err.includes(secret)]).toEqual([secret, false, false])
})

describe('what nobody catches', () => {
  test.each([
    ['exception', "setImmediate(() => { throw new Error('c4nary') })"],
    ['rejection', "Promise.reject(new Error('c4nary'))"],
  ])(
    'F34, O4: an uncaught %s ends the process in order: sessions told, recordings closed, its message told to nobody',
    async (_, code) => {
      const config = await world.configure()
      const gateway = await world.up(config, injecting(code))
      const client = await gateway.logIn()
      await client.query('select name from customers')
      const goodbye = new Promise<unknown>(resolve => client.once('error', resolve))
      const { exit, out, err } = await gateway.end('SIGUSR2')
      expect(exit).toBe(1)
      expect(await goodbye).toMatchObject({ code: '57P01' })
      expect(out).toMatch(/"error":\{"name":"Error"\}.*nobody caught this/)
      expect(`${out}${err}`).not.toContain('c4nary')
      const dir = config.replace(/querywarden-(\d+)\.yaml$/, 'recordings-$1')
      const verified = await world.run(['sessions', 'verify', '--all', '--dir', dir])
      expect(verified.out).toMatch(/COMPLETE/)
      expect(verified.exit).toBe(0)
    },
  )

  test('O4: what all objects inherit can not be reached through `__proto__`', async () => {
    const code = "try { JSON.stringify({}.__proto__); console.log('open') } catch { console.log('shut') }"
    const gateway = await world.up(await world.configure(), injecting(code))
    gateway.child.kill('SIGUSR2')
    await gateway.prints(/^(open|shut)$/m)
    expect((await gateway.end('SIGTERM')).out).toMatch(/^shut$/m)
  })
})

test('F34: an exception in the code of one session ends that session; the others go on', async () => {
  let isFaulty = false
  const quiet = openLog('silent')
  const faulty: Log = {
    ...quiet,
    info: (fields, message) => {
      if (isFaulty && String(message) === 'session opened') throw new TypeError('a fault in the code of a session')
      quiet.info(fields, message)
    },
  }
  const gateway = await startGateway(loadConfig(await world.configure()), { env: { ...world.env }, log: faulty })
  try {
    const login = async () => {
      const client = new Client({ ...gateway.postgres, user: 'a', database: 'app', password: await world.agentToken() })
      client.on('error', () => undefined)
      await client.connect()
      return client
    }
    const first = await login()
    isFaulty = true
    const broken = await login()
    expect(await codeOf(broken.query('select 1'))).not.toBe('fine')
    isFaulty = false
    expect((await first.query('select name from customers where id = 1')).rows).toEqual([{ name: 'Ada' }])
    expect((await (await login()).query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(await gateway.metrics()).toContain('querywarden_sessions_closed_total{reason="internal-error"} 1')
  } finally {
    await gateway.stop()
  }
})
