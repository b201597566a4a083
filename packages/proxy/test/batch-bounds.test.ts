import { COPY_DONE, encodeCopyData, encodeQuery } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Governed, govern, POLICY } from './governed-database.ts'
import { type RawClient, rawLogin, sendCancel } from './raw-client.ts'
import { recordedEvents } from './recorded-events.ts'

const ROWS_1000 = `${POLICY}limits:\n  - { who: { groups: [ai-agents] }, rows: 1000 }\n`
const ONE_SECOND = `${POLICY}limits:\n  - { who: { groups: [ai-agents] }, time: 1s }\n`

let limited: Governed
let timed: Governed
beforeAll(async () => {
  ;[limited, timed] = await Promise.all([govern({ policy: ROWS_1000 }), govern({ policy: ONE_SECOND })])
})
afterAll(() => Promise.all([limited.stop(), timed.stop()]))

const login = async (governed: Governed): Promise<RawClient> =>
  rawLogin(governed.gateway.postgres, await governed.token())

/** Starts a COPY whose first row waits for another transaction's unique key. */
async function stuckCopy(
  governed: Governed,
): Promise<{ readonly client: RawClient; readonly free: () => Promise<void> }> {
  const other = await governed.direct()
  await other.query('begin')
  await other.query("insert into notes values (9000, 'x')")
  const client = await login(governed)
  client.send(encodeQuery({ query: 'copy notes from stdin' }))
  await client.until('G')
  // The server works on rows once it has 64 KiB of them.
  client.send(encodeCopyData({ data: Buffer.from(`9000\tmine\n9001\t${'y'.repeat(100_000)}\n`) }))
  return {
    client,
    free: async () => {
      await other.query('rollback')
      client.socket.destroy()
    },
  }
}

test('P5: the time limit stops a COPY FROM STDIN whose row waits for a lock', async () => {
  const { client, free } = await stuckCopy(timed)
  expect((await client.until('Z'))[0]).toMatch(/^E ERROR 57014/)
  await free()
})

test('E10: a cancel stops a COPY FROM STDIN whose row waits for a lock', async () => {
  const { client, free } = await stuckCopy(limited)
  await new Promise(resolve => setTimeout(resolve, 200))
  await sendCancel(limited.gateway.postgres, client.key)
  expect((await client.until('Z'))[0]).toMatch(/^E ERROR 57014/)
  client.send(encodeCopyData({ data: Buffer.from('9002\tlate\n') }), COPY_DONE)
  expect(await client.query('select 1')).toContain('D 1')
  await free()
})

/** How much is on record, of all sessions. */
async function countsOf(): Promise<{ readonly intents: number; readonly completions: number }> {
  const events = await recordedEvents(limited.recordings)
  const count = (kind: string): number => events.filter(event => event.kind === kind).length
  return { intents: count('intent'), completions: count('completion') }
}

test('F24: every intent of a batch has one completion when the session ends in its first part', async () => {
  const client = await login(limited)
  client.send(encodeQuery({ query: 'select pg_sleep(3); select 2; select 3' }))
  await new Promise(resolve => setTimeout(resolve, 500))
  client.socket.destroy()
  await expect.poll(async () => (await countsOf()).intents - (await countsOf()).completions).toBe(0)
  expect((await countsOf()).intents).toBeGreaterThan(2)
})
