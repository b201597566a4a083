import { SYNC } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openLog } from '../src/log.ts'
import { type Governed, govern } from './governed-database.ts'
import { bind, describePortal, execute, parse, type RawClient, rawLogin } from './raw-client.ts'
import { recordedEvents } from './recorded-events.ts'
import { CAUGHT, COMPUTED, HOWS, POLICY, run, SCHEMA, SECRET, SSN } from './second-wall-forms.ts'

/** The first wall is down: whatever masks a statement should have, it goes to the database as it was written. */
vi.mock('@querywarden/sql/postgres', async importActual => {
  const actual = await importActual<typeof import('@querywarden/sql/postgres')>()
  return {
    ...actual,
    guardedClassifier: async (options: Parameters<typeof actual.guardedClassifier>[0]) => ({
      ...(await actual.guardedClassifier(options)),
      rewrite: ({ text }: { readonly text: string }) => ({ kind: 'rewritten', text }),
    }),
  }
})

let governed: Governed
let watched: Governed
const lines: string[] = []
beforeAll(async () => {
  const options = {
    schema: SCHEMA,
    policy: POLICY,
    targetUser: 'postgres',
    clients: { looked: { groups: ['looked-at'] } },
  }
  const log = openLog('error', { write: line => void lines.push(line) })
  ;[governed, watched] = await Promise.all([
    govern({ ...options, log }),
    govern({ ...options, log, canaries: { planted: SECRET } }),
  ])
})
afterAll(() => Promise.all([governed.stop(), watched.stop()]))

const login = async (on: Governed, clientId = 'agent'): Promise<RawClient> =>
  rawLogin(on.gateway.postgres, await on.issuer.token({ clientId }))

const neverSeen = ({ text }: RawClient, value: string): void => {
  expect(text).not.toContain(value)
  expect(text).not.toContain(Buffer.from(value).toString('hex'))
}

describe('the first wall is down: the second one stops what the server can tell the origin of', () => {
  describe.each(Object.keys(CAUGHT))('%s', form => {
    test.each(HOWS)('%s', async how => {
      const client = await login(governed)
      const found = await run(client, CAUGHT[form] ?? [], how)
      expect(found.at(-2)).toMatch(/^E FATAL XX000 result dropped: a masked column arrived unmasked/)
      expect(found.at(-1)).toBe('closed')
      expect(found.filter(line => /^[Dd] /.test(line))).toEqual([])
      neverSeen(client, SECRET)
      neverSeen(client, SSN)
    })
  })

  test.each(['a portal that is read in parts', 'a portal that was described in an earlier batch'])(
    'P5: %s',
    async what => {
      const client = await login(governed)
      await client.query('begin')
      client.send(parse('s', 'select secret from customers'), bind('p', 's'))
      if (what.includes('earlier')) client.send(describePortal('p'), SYNC)
      else client.send(execute('p', 1), execute('p', 1), SYNC)
      const found = await client.until('Z')
      expect(found.at(-2)).toMatch(/^E FATAL XX000/)
      neverSeen(client, SECRET)
    },
  )

  test('what shows nothing masked is served, by rows and by COPY', async () => {
    const client = await login(governed)
    expect(await client.query('select id, name from customers')).toContain('D 1|Ada')
    expect(await client.query('copy customers (id, name) to stdout')).toContain('d 1\tAda\n')
    expect(await client.query('copy (select note from plain) to stdout')).toContain('d nothing\n')
    client.send(parse('', 'copy (select name from customers) to stdout'), bind('', ''), execute(), SYNC)
    expect(await client.until('Z')).toEqual(['1', '2', 'H', 'd Ada\n', 'c', 'C COPY 1', 'Z idle'])
    expect(await client.query('select 1; copy (select name from customers) to stdout; select 2')).toContain('D 2')
    // The description of a COPY that the server refuses is no other error than the COPY's own.
    expect((await client.query('copy (select name, 1/0 from customers) to stdout'))[0]).toMatch(/^[HE]/)
    expect(await client.query('select 1')).toContain('D 1')
  })

  test('each is recorded as an incident, counted, and in the log as an error', async () => {
    const incidents = (await recordedEvents(governed.recordings)).filter(({ kind }) => kind === 'incident')
    const metrics = await governed.gateway.metrics()
    const counted = Number(/querywarden_incidents_total\{code="RAW_COLUMN"\} (\d+)/.exec(metrics)?.[1])
    expect(counted).toBeGreaterThan(Object.keys(CAUGHT).length)
    expect(incidents.filter(event => 'code' in event && event.code === 'RAW_COLUMN')).toHaveLength(counted)
    expect(lines.filter(line => line.includes('"reason":"RAW_COLUMN"')).length).toBe(counted)
    expect(lines.join('')).not.toContain(SECRET)
  })
})

describe('the first wall is down: what is computed has no origin', () => {
  test.each(Object.keys(COMPUTED))(
    '%s goes past the second wall alone: this is what it does not promise',
    async form => {
      const client = await login(governed)
      await run(client, COMPUTED[form] ?? [], 'simple')
      expect(client.text).toContain(SECRET)
    },
  )

  describe.each(Object.keys(COMPUTED))('%s', form => {
    test.each(HOWS)('detectors see the value itself: %s', async how => {
      const client = await login(governed, 'looked')
      const found = await run(client, COMPUTED[form] ?? [], how)
      expect(found.at(-1)).toBe('Z idle')
      neverSeen(client, SSN)
    })

    test.each(HOWS)('canaries see the value itself: %s', async how => {
      const client = await login(watched)
      const found = await run(client, COMPUTED[form] ?? [], how)
      expect(found.at(-2)).toMatch(/^E FATAL 42501 session ended: the answer held a value that must never leave/)
      expect(found.at(-1)).toBe('closed')
      neverSeen(client, SECRET)
    })
  })

  test('F27: a canary deep in a row that goes out in parts ends the connection inside of it, and others arrive whole', async () => {
    const client = await login(watched)
    const large = (middle: string): string =>
      `select repeat('x', 3000000) || ${middle} || repeat('y', 3000000) from customers`
    const [, whole] = await client.query(large('name'))
    expect(whole).toBe(`D ${'x'.repeat(3_000_000)}Ada${'y'.repeat(3_000_000)}`)
    const found = await run(client, [large('secret')], 'simple')
    expect(found).toEqual(['T', 'closed'])
    expect(client.text).not.toContain(SECRET.slice(0, 8))
  })

  test.each(HOWS)('one in an error is seen as one in a row is: %s', async how => {
    const client = await login(watched)
    const found = await run(client, [`select '${SECRET}'::int`], how)
    expect(found.at(-2)).toMatch(/^E FATAL 42501/)
    neverSeen(client, SECRET)
  })

  test('a canary is recorded by its name, counted, and in the log as an error', async () => {
    const incidents = (await recordedEvents(watched.recordings)).filter(({ kind }) => kind === 'incident')
    expect(incidents.length).toBe((Object.keys(COMPUTED).length + 1) * HOWS.length + 1)
    for (const incident of incidents)
      expect(incident).toMatchObject({
        code: 'CANARY',
        message: 'canary `planted` was on its way to the client',
        statement: expect.any(Number),
      })
    expect(await watched.gateway.metrics()).toContain(`querywarden_incidents_total{code="CANARY"} ${incidents.length}`)
    expect(lines.filter(line => line.includes('"reason":"CANARY"'))).toHaveLength(incidents.length)
    expect(JSON.stringify(incidents)).not.toContain(SECRET)
  })
})
