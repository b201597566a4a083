import { encodeQuery, encodeStartup } from '@querywarden/wire/postgres'
import { expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawConnect, rawLogin, sendCancel } from './raw-client.ts'
import { recordedEvents } from './recorded-events.ts'

/** Runs for minutes, and the server answers nothing before its end. */
const LONG = 'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b'
const GOODBYE = expect.stringMatching(/^E FATAL 57P01 the gateway is shutting down/)
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

const activeOf = async ({ database }: Governed): Promise<number> =>
  (
    await database.exec(
      "select 1 from pg_stat_activity where usename = 'svc_app' and state = 'active' and query like '%generate_series%'",
    )
  ).length

async function sessions(governed: Governed, count: number): Promise<RawClient[]> {
  const token = await governed.token()
  return Promise.all(Array.from({ length: count }, () => rawLogin(governed.gateway.postgres, token)))
}

/** By session, whether its recording is closed, and why. */
async function endings({ recordings }: Governed): Promise<{ opened: number; reasons: readonly string[] }> {
  const events = await recordedEvents(recordings)
  return {
    opened: events.filter(event => event.kind === 'opened').length,
    reasons: events.flatMap(event => (event.kind === 'closed' ? [event.reason] : [])).toSorted(),
  }
}

test('F25: what is idle ends at once, what runs and what is in a transaction when it is done', async () => {
  const governed = await govern({ limits: { drainMsMax: 20_000 } })
  const { postgres, admin } = governed.gateway
  const [idle, running, inside, cancelled] = (await sessions(governed, 4)) as [
    RawClient,
    RawClient,
    RawClient,
    RawClient,
  ]
  expect(await inside.query('begin')).toContain('Z transaction')
  running.send(encodeQuery({ query: 'select count(*) from generate_series(1, 3000) a, generate_series(1, 3000) b' }))
  cancelled.send(encodeQuery({ query: LONG }))
  while ((await activeOf(governed)) < 2) await pause(20)

  let isStopped = false
  const stopped = governed.gateway.stop().then(() => {
    isStopped = true
  })
  expect(await idle.toEnd()).toEqual([GOODBYE, 'closed'])

  const late = await rawConnect(postgres)
  late.send(encodeStartup(new Map(Object.entries({ user: 'agent', database: 'app' }))))
  expect(await late.toEnd()).toEqual([expect.stringMatching(/^E FATAL 57P03 the gateway is shutting down/), 'closed'])
  expect((await fetch(`http://${admin.host}:${admin.port}/readyz`)).status).toBe(503)

  expect(await inside.query("insert into notes values (1, 'kept')")).toEqual(['C INSERT 0 1', 'Z transaction'])
  expect(await running.toEnd()).toEqual(['T', 'D 9000000', 'C SELECT 1', 'Z idle', GOODBYE, 'closed'])
  expect(await inside.query('select 1')).toContain('D 1')
  inside.send(encodeQuery({ query: 'commit' }))
  expect(await inside.toEnd()).toEqual(['C COMMIT', 'Z idle', GOODBYE, 'closed'])
  expect(await governed.database.exec('select body from notes')).toEqual([{ body: 'kept' }])

  expect(isStopped).toBe(false)
  await sendCancel(postgres, cancelled.key)
  expect((await cancelled.toEnd()).slice(-4)).toEqual([
    expect.stringMatching(/^E ERROR 57014/),
    'Z idle',
    GOODBYE,
    'closed',
  ])
  await stopped
  const { opened, reasons } = await endings(governed)
  expect([opened, reasons]).toEqual([4, ['shutdown', 'shutdown', 'shutdown', 'shutdown']])
  await expect(rawConnect(postgres)).rejects.toThrow('ECONNREFUSED')
  await governed.stop()
})

test('F25: when the time is over, all ends: what runs is cancelled, what was not committed is not', async () => {
  const governed = await govern({ limits: { drainMsMax: 700 } })
  const [running, inside, held] = (await sessions(governed, 3)) as [RawClient, RawClient, RawClient]
  await inside.query('begin')
  await inside.query("insert into notes values (1, 'lost')")
  running.send(encodeQuery({ query: LONG }))
  held.send(encodeQuery({ query: 'update orders set total = 1 where id = 1' }))
  await held.until('N')
  while ((await activeOf(governed)) < 1) await pause(20)
  const startedMs = performance.now()
  await governed.gateway.stop()
  expect(performance.now() - startedMs).toBeGreaterThan(600)
  expect(performance.now() - startedMs).toBeLessThan(6_000)
  for (const client of [running, inside, held]) expect((await client.toEnd()).join()).toContain('E FATAL 57P01')
  for (let tries = 0; (await activeOf(governed)) > 0; tries++) {
    expect(tries).toBeLessThan(40)
    await pause(50)
  }
  expect(await governed.database.exec('select 1 from notes union select 1 from orders where total = 1')).toEqual([])
  const { opened, reasons } = await endings(governed)
  expect([opened, reasons]).toEqual([3, ['shutdown', 'shutdown', 'shutdown']])
  await governed.stop()
})

test('F25: without time to drain nothing is waited for', async () => {
  const governed = await govern({ limits: { drainMsMax: 0 } })
  const [inside] = (await sessions(governed, 1)) as [RawClient]
  await inside.query('begin')
  const startedMs = performance.now()
  await governed.gateway.stop()
  expect(performance.now() - startedMs).toBeLessThan(3_000)
  expect(await inside.toEnd()).toEqual([GOODBYE, 'closed'])
  expect((await endings(governed)).reasons).toEqual(['shutdown'])
  await governed.stop()
})
