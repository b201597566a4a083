import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CommandWorld, type RunningGateway, startCommandWorld } from './command-world.ts'
import { POLICY } from './governed-database.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 })

let world: CommandWorld
beforeAll(async () => {
  world = await startCommandWorld()
})
afterAll(() => world.stop())

const upWith = async (
  more = '',
  policy?: string,
): Promise<{ gateway: RunningGateway; config: string; dir: string }> => {
  const config = await world.configure({ more: `workers: 2\n${more}`, ...(policy === undefined ? {} : { policy }) })
  return { gateway: await world.up(config), config, dir: config.replace(/querywarden-(\d+)\.yaml$/, 'recordings-$1') }
}
/** The worker that serves a session: its number is in the cancel key. */
const workerOf = (client: Client): number => (client as unknown as { processID: number }).processID >>> 24
/** One session on each of two workers. */
async function oneOnEach(gateway: RunningGateway): Promise<[Client, Client]> {
  const found = new Map<number, Client>()
  while (found.size < 2) {
    // Whoever left a moment ago may still have a place.
    const client = await untilFine(() => gateway.logIn())
    if (found.has(workerOf(client))) await client.end()
    else found.set(workerOf(client), client)
  }
  return [found.get(0)!, found.get(1)!]
}
const pidsOf = (gateway: RunningGateway): Map<number, number> =>
  new Map(
    [...gateway.out().matchAll(/"worker":(\d+),"pid":(\d+),"msg":"a worker was started"/g)].map(([, worker, pid]) => [
      Number(worker),
      Number(pid),
    ]),
  )
const metricsOf = async ({ adminUrl }: RunningGateway): Promise<string> =>
  (await fetch(new URL('/metrics', adminUrl))).text()
const counted = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find(line => line.startsWith(`${series} `))
      ?.slice(series.length) ?? Number.NaN,
  )
const codeOf = (query: Promise<unknown>): Promise<unknown> =>
  query.then(
    () => 'fine',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )
const said = async (gateway: RunningGateway, pattern: RegExp, since = 0): Promise<void> => {
  while (!pattern.test(gateway.out().slice(since))) await sleep(20)
}
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('two workers are one gateway', () => {
  let gateway: RunningGateway
  let config: string
  let dir: string
  beforeAll(async () => {
    await writeFile(join(world.dir, 'shared.yaml'), POLICY)
    const up = await upWith('limits: { sessions: 8, sessions_per_identity: 6 }', './shared.yaml')
    gateway = up.gateway
    config = up.config
    dir = up.dir
  })

  test('sessions are on both, and their statements are in one sum', async () => {
    const clients = await oneOnEach(gateway)
    for (const client of clients) for (let i = 0; i < 3; i++) await client.query('select name, ssn from customers')
    const text = await metricsOf(gateway)
    expect(counted(text, 'querywarden_statements_total{effect="read",decision="allow",outcome="done"}')).toBe(6)
    expect(counted(text, 'querywarden_sessions_open{target="app"}')).toBe(2)
    expect(counted(text, 'querywarden_stage_seconds_count{stage="upstream"}')).toBe(6)
    expect(counted(text, 'querywarden_workers_ready')).toBe(2)
    expect(text.match(/^querywarden_policy_info\{version="[0-9a-f]{16}"\} 1$/gm)).toHaveLength(1)
    expect(counted(text, 'process_resident_memory_bytes')).toBeGreaterThan(100_000_000)
    for (const client of clients) await client.end()
  })

  test('E10: a cancel request ends the statement whichever worker it comes to, and a wrong key ends none', async () => {
    for (const client of await oneOnEach(gateway)) {
      // Connections go to the workers in turn: of two in a row one comes to the other worker.
      for (let i = 0; i < 2; i++) {
        const sleeping = codeOf(client.query('select pg_sleep(60)'))
        await sleep(200)
        await cancel(gateway, client, 1)
        await sleep(200)
        await cancel(gateway, client, 0)
        expect(await sleeping).toBe('57014')
      }
      expect(await codeOf(client.query('select 1'))).toBe('fine')
      await client.end()
    }
  })

  test('an approval is asked and answered in one place, and lets run once', async () => {
    for (const client of await oneOnEach(gateway)) {
      const asked = client.query("update orders set status = 'held' where id = 1")
      const id = await pendingRequest(gateway)
      await answer(gateway, id)
      expect((await asked).rowCount).toBe(1)
      await client.end()
    }
  })

  test('O2: sessions are counted among all, and so are those of one identity', async () => {
    const clients: Client[] = []
    // Whoever left a moment ago may still have a place.
    for (let i = 0; i < 6; i++) clients.push(await untilFine(() => gateway.logIn()))
    await expect(gateway.logIn()).rejects.toMatchObject({ code: '53300', message: /^one identity may have 6/ })
    const dana = await world.personToken('dana')
    clients.push(await gateway.logIn(dana), await gateway.logIn(dana))
    await expect(gateway.logIn(dana)).rejects.toMatchObject({ code: '53300', message: /serves 8 sessions/ })
    for (const client of clients) await client.end()
    for (let i = 0; i < 6; i++) clients[i] = await untilFine(() => gateway.logIn())
    for (const client of clients.slice(0, 6)) await client.end()
  })

  test('F33: a reload is felt on both, and one that is wrong on neither', async () => {
    const clients = await oneOnEach(gateway)
    const outcomes = () => Promise.all(clients.map(client => codeOf(client.query('select name from customers'))))
    const reload = async (policy: string): Promise<void> => {
      const since = gateway.out().length
      await writeFile(join(world.dir, 'shared.yaml'), policy)
      gateway.child.kill('SIGHUP')
      await said(gateway, /"(the configuration was (not )?reloaded)/, since)
    }
    await reload(POLICY.replace('rules:\n', 'rules:\n  - { id: nothing, decision: deny, what: { effects: [read] } }\n'))
    expect(await outcomes()).toEqual(['42501', '42501'])
    await reload(POLICY.replace('public.customers.ssn', 'public.customers.snn'))
    expect(gateway.out()).toMatch(/snn names no column of the relation.*was not reloaded/)
    expect(await outcomes()).toEqual(['42501', '42501'])
    await reload(POLICY)
    expect(await outcomes()).toEqual(['fine', 'fine'])
    const text = await metricsOf(gateway)
    expect(counted(text, 'querywarden_reloads_total{result="done"}')).toBe(2)
    expect(counted(text, 'querywarden_reloads_total{result="refused"}')).toBe(1)
    for (const client of clients) await client.end()
  })

  test('F34: kill -9 of one takes its sessions along and nothing else; another takes its place and seals its recordings', async () => {
    const [first, second] = await oneOnEach(gateway)
    await first.query("insert into notes values (801, 'before the kill')")
    const asked = codeOf(first.query("update orders set status = 'held' where id = 2"))
    const id = await pendingRequest(gateway)
    const before = counted(await metricsOf(gateway), 'querywarden_rows_total')
    const since = gateway.out().length
    const killed = pidsOf(gateway).get(0)!
    process.kill(killed, 'SIGKILL')
    expect(await asked).not.toBe('fine')
    // The one who asked is gone: nobody can let it run any more.
    expect(await stateOf(gateway, id)).toBe('withdrawn')
    expect(await codeOf(second.query('select 1'))).toBe('fine')
    await said(gateway, /an earlier process left this recording open; it is sealed now/, since)
    await untilFine(async () => {
      expect((await fetch(new URL('/readyz', gateway.adminUrl))).status).toBe(200)
    })
    expect(pidsOf(gateway).get(0)).not.toBe(killed)
    const [again] = await oneOnEach(gateway)
    expect(await codeOf(again.query('select 1'))).toBe('fine')
    const text = await metricsOf(gateway)
    expect(counted(text, 'querywarden_rows_total')).toBeGreaterThan(before)
    expect(counted(text, 'querywarden_workers_lost_total')).toBe(1)
  })

  test('O1: a worker whose event loop no longer turns is ended and replaced', async () => {
    const since = gateway.out().length
    const stuck = pidsOf(gateway).get(1)!
    process.kill(stuck, 'SIGSTOP')
    await said(gateway, /"worker":1,"msg":"a worker is stuck and is ended"/, since)
    await said(gateway, /"msg":"a worker was started"/, since)
    await oneOnEach(gateway)
    expect(isAlive(stuck)).toBe(false)
  })

  test('F25: SIGTERM ends the sessions of both with 57P01 and exits with 0; no recording stays open', async () => {
    const clients = await oneOnEach(gateway)
    const goodbyes = Promise.all(
      clients.map(client => new Promise<unknown>(resolve => client.once('error', error => resolve(error)))),
    )
    const { exit, out } = await gateway.end('SIGTERM')
    expect(exit).toBe(0)
    expect(await goodbyes).toEqual(clients.map(() => expect.objectContaining({ code: '57P01' })))
    for (const pid of pidsOf(gateway).values()) expect(isAlive(pid)).toBe(false)
    const { out: verified } = await world.run(['sessions', 'verify', '--all', '--dir', dir])
    expect(verified).not.toMatch(/OPEN|TAMPERED|MISSING/)
    expect(await readFile(config, 'utf8')).toContain('workers: 2')
    expect(out).not.toContain((await world.agentToken()).slice(0, 20))
  })
})

test('N3: a schema that one session changes is new to the sessions of all workers, long before it would be read again', async () => {
  await writeFile(
    join(world.dir, 'ddl.yaml'),
    'version: 1\nrules:\n  - { id: all, decision: allow, what: { effects: [read, write, ddl, transaction, session] } }\n',
  )
  await world.database.exec('grant create on schema public to svc_app')
  const { gateway } = await upWith('', './ddl.yaml')
  const [first, second] = await oneOnEach(gateway)
  for (let i = 0; i < 5; i++) {
    const [maker, reader] = i % 2 === 0 ? [first, second] : [second, first]
    await maker.query(`create table made_${i} (id int)`)
    const outcome = () => codeOf(reader.query(`select * from made_${i}`))
    await soon(outcome, 'fine')
    await maker.query(`alter table made_${i} rename to gone_${i}`)
    await soon(outcome, '42501')
  }
  await gateway.end('SIGTERM')
})

test('F24: a primary that is killed leaves no worker behind, and no recording open', async () => {
  const { gateway, dir } = await upWith('limits: { drain_seconds: 1 }')
  const clients = await oneOnEach(gateway)
  const goodbyes = Promise.all(
    clients.map(client => new Promise<unknown>(resolve => client.once('error', error => resolve(error)))),
  )
  const asked = codeOf(clients[0].query("update orders set status = 'held' where id = 2"))
  await pendingRequest(gateway)
  process.kill(gateway.child.pid!, 'SIGKILL')
  expect(await asked).not.toBe('fine')
  await goodbyes
  while ([...pidsOf(gateway).values()].some(isAlive)) await sleep(50)
  const verified = await world.run(['sessions', 'verify', '--all', '--dir', dir])
  expect(verified.out.match(/COMPLETE/g)).toHaveLength(2)
})

test('a configuration that can not be is refused as by one process: exit code 2, and nothing left running', async () => {
  await writeFile(join(world.dir, 'misfit.yaml'), POLICY.replace('public.customers.ssn', 'public.customers.snn'))
  const config = await world.configure({ policy: './misfit.yaml' })
  const { exit, err } = await world.run(['up', '-c', config, '--workers', '2'])
  expect(exit).toBe(2)
  expect(err).toMatch(/^querywarden: the policy does not fit the schema of target `app`:\n.*snn names no column/)
})

test.each(['0', '129', 'many', '-1'])('--workers %s is bad usage', async workers => {
  const { exit, err } = await world.run(['up', '-c', 'none.yaml', '--workers', workers])
  expect(exit).toBe(2)
  expect(err).toContain('expected auto, or a number of processes up to 128')
})

/** Sends a cancel request for what a client runs, its key changed by so much. */
async function cancel(gateway: RunningGateway, client: Client, off: number): Promise<void> {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const { connect } = await import('node:net')
  const message = Buffer.alloc(16)
  message.writeInt32BE(16, 0)
  message.writeInt32BE(80_877_102, 4)
  message.writeInt32BE(processID, 8)
  message.writeInt32BE(secretKey ^ off, 12)
  await new Promise<void>(resolve => {
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(message))
    socket.on('error', () => undefined)
    socket.resume().once('close', () => resolve())
  })
}

async function asDana(gateway: RunningGateway, path: string, body?: object): Promise<Response> {
  return fetch(new URL(path, gateway.adminUrl), {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${await world.personToken('dana')}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function pendingRequest(gateway: RunningGateway): Promise<string> {
  for (;;) {
    const { approvals } = (await (await asDana(gateway, '/v1/approvals')).json()) as {
      approvals: { request: string }[]
    }
    const [found] = approvals
    if (found !== undefined) return found.request
    await sleep(20)
  }
}

const answer = (gateway: RunningGateway, id: string) =>
  asDana(gateway, `/v1/approvals/${id}/approve`, { reason: 'fine' })

async function stateOf(gateway: RunningGateway, id: string): Promise<string> {
  for (;;) {
    const { state } = (await (await asDana(gateway, `/v1/approvals/${id}`)).json()) as { state: string }
    if (state !== 'pending') return state
    await sleep(20)
  }
}

/** A worker tells the others within milliseconds; by itself each would read the schema again within ten seconds. */
async function soon(outcome: () => Promise<unknown>, expected: string): Promise<void> {
  const untilMs = performance.now() + 3_000
  let last = await outcome()
  while (last !== expected && performance.now() < untilMs) {
    await sleep(20)
    last = await outcome()
  }
  expect(last).toBe(expected)
}

/** Tries until it doesn't throw. */
async function untilFine<T>(action: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await action()
    } catch {
      await sleep(50)
    }
  }
}
