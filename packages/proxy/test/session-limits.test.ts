import { readFileSync } from 'node:fs'
import { encodePassword, encodeQuery, encodeStartup } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawConnect, rawLogin, sendCancel } from './raw-client.ts'
import { recordedEvents } from './recorded-events.ts'

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Why sessions ended, as recorded; the newest are there a moment after their connections are gone. */
async function reasonsOf({ recordings }: Governed, wanted: number): Promise<readonly string[]> {
  for (;;) {
    const reasons = (await recordedEvents(recordings)).flatMap(event => (event.kind === 'closed' ? [event.reason] : []))
    if (reasons.length >= wanted) return reasons.toSorted()
    await pause(50)
  }
}

describe('F23: a session that does nothing', () => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ limits: { idleMsMax: 1_000 } })
  })
  afterAll(() => governed.stop())

  test('ends with a reason, inside a transaction or not, and leaves nothing behind', async () => {
    const idle = await rawLogin(governed.gateway.postgres, await governed.token())
    await idle.query('select 1')
    const inside = await rawLogin(governed.gateway.postgres, await governed.token())
    await inside.query('begin')
    const halfWay = await rawLogin(governed.gateway.postgres, await governed.token())
    halfWay.send(encodeQuery({ query: 'select 1' }).subarray(0, 7))
    expect(await idle.toEnd()).toEqual([expect.stringMatching(/^E FATAL 57P05 .*nothing for 1 s$/), 'closed'])
    expect(await inside.toEnd()).toEqual([expect.stringMatching(/^E FATAL 25P03 .*inside a transaction/), 'closed'])
    expect(await halfWay.toEnd()).toEqual([expect.stringMatching(/^E FATAL 57P05/), 'closed'])
    expect(await reasonsOf(governed, 3)).toEqual(['idle', 'idle', 'idle'])
    // But for the gateway's own, which asks for the version of the schema.
    const left =
      "select 1 from pg_stat_activity where usename = 'svc_app' and state <> 'active' and query <> '' and query !~ 'pg_current_snapshot|concat_ws'"
    for (let tries = 0; (await governed.database.exec(left)).length > 0; tries++) {
      expect(tries).toBeLessThan(100)
      await pause(50)
    }
  })

  test('is another than one that works, that waits for its statement or for a person', async () => {
    const working = await rawLogin(governed.gateway.postgres, await governed.token())
    const running = await rawLogin(governed.gateway.postgres, await governed.token())
    const held = await rawLogin(governed.gateway.postgres, await governed.token())
    running.send(
      encodeQuery({ query: 'select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b' }),
    )
    held.send(encodeQuery({ query: 'update orders set total = 1 where id = 1' }))
    await held.until('N')
    for (let i = 0; i < 15; i++) {
      expect(await working.query('select 1')).toContain('Z idle')
      await pause(200)
    }
    expect([running.socket.closed, held.socket.closed]).toEqual([false, false])
    for (const client of [working, running, held]) client.socket.destroy()
  })
})

describe('a session that has been long enough', () => {
  test('ends with a reason, even while it works', async () => {
    const governed = await govern({ limits: { sessionMsMax: 1_200 } })
    const client = await rawLogin(governed.gateway.postgres, await governed.token())
    const startedMs = performance.now()
    let last: readonly string[] = []
    do {
      last = await client.query('select 1')
    } while (last.includes('Z idle'))
    expect(last.join()).toMatch(/E FATAL 57P01 a session lasts 1.2 s at most/)
    expect(performance.now() - startedMs).toBeGreaterThan(900)
    expect(await reasonsOf(governed, 1)).toEqual(['lifetime-over'])
    await governed.stop()
  })
})

test('F23: the kernel asks silent peers after 30 s, on both legs', async () => {
  const governed = await govern()
  const client = await rawLogin(governed.gateway.postgres, await governed.token())
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  // proc_pid_net(5): local and remote address, state (01: open), queues, timer (02: keepalive) and its end in hundredths.
  const timersOf = (column: 1 | 2, port: number): readonly string[] =>
    readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[3] === '01' && fields[column]?.endsWith(hex(port)))
      .map(fields => fields[5] ?? '')
  for (const [column, port] of [
    [1, governed.gateway.postgres.port],
    [2, governed.database.port],
  ] as const) {
    // What was written last has a timer of its own until it is acknowledged.
    while (timersOf(column, port).some(timer => timer.startsWith('01:'))) await pause(50)
    const timers = timersOf(column, port)
    expect(timers.length).toBeGreaterThan(0)
    for (const timer of timers) {
      const [kind, hundredths] = timer.split(':')
      expect([kind, Number.parseInt(hundredths ?? '', 16) <= 3_000]).toEqual(['02', true])
    }
  }
  client.socket.destroy()
  await governed.stop()
})

describe('F29: a crowd', () => {
  async function knock(governed: Governed, token: string): Promise<{ client: RawClient; said: string }> {
    const client = await rawConnect(governed.gateway.postgres)
    client.send(encodeStartup(new Map(Object.entries({ user: 'agent', database: 'app' }))))
    const lines = await client.until('R', 'E')
    if (lines.some(line => line.startsWith('R'))) {
      client.send(encodePassword({ password: token }))
      lines.push(...(await client.until('Z', 'E')))
    }
    return { client, said: lines.at(-1) ?? '' }
  }

  test('of one identity leaves room for others, and is told what helps', async () => {
    const governed = await govern({
      limits: { sessionsPerIdentityMax: 2 },
      clients: { other: { groups: ['ai-agents'] } },
    })
    const token = await governed.token()
    const first = await knock(governed, token)
    await knock(governed, token)
    // Another token of the same one is no other identity.
    const third = await knock(governed, await governed.token())
    expect(third.said).toMatch(/^E FATAL 53300 one identity may have 2 sessions at once/)
    expect((await knock(governed, await governed.issuer.token({ clientId: 'other' }))).said).toBe('Z idle')
    first.client.socket.destroy()
    for (let tries = 0; ; tries++) {
      const { client, said } = await knock(governed, token)
      if (said === 'Z idle') break
      client.socket.destroy()
      expect(tries).toBeLessThan(100)
    }
    await governed.stop()
  })

  test('of failed logins from one address is turned away at the door; sessions go on, and good logins never count', async () => {
    const governed = await govern({ limits: { failedLoginsPerMinuteMax: 5 } })
    const token = await governed.token()
    const session = await rawLogin(governed.gateway.postgres, token)
    for (let i = 0; i < 20; i++) (await rawLogin(governed.gateway.postgres, token)).socket.destroy()
    for (let i = 0; i < 5; i++) expect((await knock(governed, 'none')).said).toMatch(/^E FATAL 28000/)
    const late = await knock(governed, token)
    expect(late.said).toMatch(/^E FATAL 53300 .*too many failed logins from this address$/)
    expect((await late.client.toEnd()).at(-1)).toBe('closed')
    expect(await session.query('select 1')).toContain('Z idle')
    await governed.stop()
  })

  test('that connects and says nothing has tried nothing', async () => {
    const governed = await govern({ limits: { failedLoginsPerMinuteMax: 3 } })
    for (let i = 0; i < 10; i++) {
      const client = await rawConnect(governed.gateway.postgres)
      client.socket.end()
      await client.closed
    }
    ;(await rawLogin(governed.gateway.postgres, await governed.token())).socket.destroy()
    await governed.stop()
  })

  test('E10: of wrong cancel requests is not looked at any more, and right ones never count', async () => {
    const governed = await govern({ limits: { failedCancelsPerMinuteMax: 3 } })
    const client = await rawLogin(governed.gateway.postgres, await governed.token())
    const isStopped = async (): Promise<boolean> => {
      const long = client.query('select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b')
      await pause(100)
      await sendCancel(governed.gateway.postgres, client.key)
      const stopped = await Promise.race([long.then(() => true), pause(700).then(() => false)])
      return stopped
    }
    for (let i = 0; i < 6; i++) expect(await isStopped()).toBe(true)
    const wrong = client.key.secretKey.map(byte => byte ^ 1)
    for (let i = 0; i < 3; i++) await sendCancel(governed.gateway.postgres, { ...client.key, secretKey: wrong })
    expect(await isStopped()).toBe(false)
    await governed.stop()
  })
})
