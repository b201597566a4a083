import { setTimeout as wait } from 'node:timers/promises'
import type { Recorder } from '@querywarden/policy-core'
import { verifyDirectory } from '@querywarden/recording'
import { encodeQuery, SYNC } from '@querywarden/wire/postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Governed, govern, POLICY, SCHEMA } from './governed-database.ts'
import { type RawClient, rawLogin, runUnnamed, sendCancel } from './raw-client.ts'
import { framesIn, keptFrames, recordingOf, rowFrames, rowsIn } from './received.ts'

/** What becomes of rows that the recorder has: it is done with them at once, or when `until` has resolved. */
const recorder: { until: Promise<void> | null } = { until: null }

vi.mock(import('../src/open-recorder.ts'), async original => {
  const real = await original()
  const slowed =
    (record: Recorder): Recorder =>
    async opening => {
      const session = await record(opening)
      return {
        append: async entry => {
          await session.append(entry)
          if (entry.kind === 'rows') await recorder.until
        },
        close: session.close,
      }
    }
  return {
    ...real,
    openRecorder: async (...given) => {
      const opened = await real.openRecorder(...given)
      return { ...opened, record: slowed(opened.record) }
    },
  }
})

const WORLD = `${SCHEMA}
create table wide as select i, repeat('x', 10000) as body from generate_series(1, 3000) i;
alter table wide alter column body set storage external;
`
const RECORDED = `${POLICY}
limits:
  - { who: { groups: [hurried] }, time: 1s }
record:
  - { rows: all }
`
const QUERY = 'select * from wide'

/** Holds the recorder up, until the function that it gives is called. */
function holdRecorder(): () => void {
  let letGo = (): void => undefined
  recorder.until = new Promise(resolve => {
    letGo = resolve
  })
  return () => {
    recorder.until = null
    letGo()
  }
}

let sessions = 0

describe('a recorder that is behind', () => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({
      schema: WORLD,
      policy: RECORDED,
      clients: { hurried: { groups: ['ai-agents', 'hurried'] } },
    })
  })
  afterEach(() => {
    recorder.until = null
  })
  afterAll(() => governed.stop())

  const login = async (clientId = 'agent'): Promise<{ client: RawClient; name: string }> => {
    const name = `b${++sessions}`
    const token = await governed.issuer.token({ clientId })
    const client = await rawLogin(governed.gateway.postgres, token, { application_name: name })
    client.seen.length = 0
    return { client, name }
  }

  const isWriting = async (): Promise<boolean> =>
    (
      await governed.database.exec(
        "select 1 from pg_stat_activity where usename = 'svc_app' and state = 'active' and wait_event = 'ClientWrite'",
      )
    ).length > 0

  /** The server has sent what fits, and waits. */
  async function untilServerWaits(): Promise<void> {
    while (!(await isWriting())) await wait(20)
    await wait(100)
    expect(await isWriting()).toBe(true)
  }

  const received = (client: RawClient): Buffer => rowFrames(Buffer.concat(client.seen))

  test('R3: makes the server wait, and nothing goes out ahead of it', async () => {
    const { client, name } = await login()
    const letGo = holdRecorder()
    client.send(encodeQuery({ query: QUERY }))
    await untilServerWaits()
    expect(received(client).length).toBe(0)
    letGo()
    await client.until('Z')
    client.socket.end()
    const events = await recordingOf(governed.recordings, name)
    expect(framesIn(received(client))).toBe(3000)
    expect(keptFrames(events).equals(received(client))).toBe(true)
  })

  test('does not keep a cancel from the server', async () => {
    const { client, name } = await login()
    const letGo = holdRecorder()
    client.send(runUnnamed(QUERY), SYNC)
    await untilServerWaits()
    await sendCancel(governed.gateway.postgres, client.key)
    letGo()
    expect(await client.until('Z')).toContain('E ERROR 57014 canceling statement due to user request')
    client.socket.end()
    const events = await recordingOf(governed.recordings, name)
    expect(events.map(({ kind }) => kind)).toContain('cancel-requested')
    expect(keptFrames(events).equals(received(client))).toBe(true)
    expect(framesIn(received(client))).toBeLessThan(3000)
  })

  test('does not stop the clock of a time limit', async () => {
    const { client, name } = await login('hurried')
    const letGo = holdRecorder()
    client.send(encodeQuery({ query: QUERY }))
    await untilServerWaits()
    await wait(1_100)
    letGo()
    expect(await client.until('Z')).toContain(
      'E ERROR 57014 statement stopped: the time limit of the policy was reached',
    )
    client.socket.end()
    const events = await recordingOf(governed.recordings, name)
    expect(events.find(event => event.kind === 'completion')).toMatchObject({
      completion: { kind: 'cancelled', why: 'the time limit of the policy was reached' },
    })
  })

  test('a client that leaves ends its session meanwhile, and the recording is closed', async () => {
    const { client, name } = await login()
    holdRecorder()
    client.send(encodeQuery({ query: QUERY }))
    await untilServerWaits()
    client.socket.destroy()
    const events = await recordingOf(governed.recordings, name)
    expect(events.at(-1)).toMatchObject({ kind: 'closed', reason: 'client-left' })
    expect(events.find(event => event.kind === 'completion')).toMatchObject({ completion: { kind: 'unknown' } })
    while (await isWriting()) await wait(20)
  })

  test('R5: one that fails ends the session: nothing that it did not take goes out, and what was begun is rolled back', async () => {
    const { client, name } = await login()
    await client.query('begin')
    await client.query("insert into notes values (77, 'gone')")
    client.seen.length = 0
    recorder.until = Promise.reject(new Error('disk full'))
    recorder.until.catch(() => undefined)
    client.send(encodeQuery({ query: QUERY }))
    const lines = await client.toEnd()
    expect(lines).toEqual(['E FATAL 58000 the recording of this session can not be written', 'closed'])
    recorder.until = null
    const events = await recordingOf(governed.recordings, name)
    expect(events.at(-1)).toMatchObject({ kind: 'closed', reason: 'recorder-failed' })
    expect(await governed.database.exec('select * from notes')).toEqual([])
  })

  test('an answer that nobody waits for is not taken for the next one: what follows comes behind the rows', async () => {
    const { client } = await login()
    const letGo = holdRecorder()
    // A Flush, so that the conversation goes on while the rows of it wait; what comes next is refused without the server.
    client.send(runUnnamed('select 1'), Buffer.from('H\0\0\0\x04', 'latin1'), runUnnamed('drop table notes'), SYNC)
    await wait(300)
    expect(client.seen.length).toBe(0)
    letGo()
    const lines = await client.until('Z')
    expect(lines.map(line => line.charAt(0))).toEqual(['1', '2', 'T', 'D', 'C', 'E', 'Z'])
    client.socket.end()
  })
})

describe('R3: the quota of a recording', () => {
  let governed: Governed
  beforeAll(async () => {
    governed = await govern({ schema: WORLD, policy: RECORDED, recording: { bytesPerSessionMax: 1_000_000 } })
  })
  afterAll(() => governed.stop())

  test('reached in mid-result ends the session with a rollback; no row goes out unrecorded, and the recording is whole', async () => {
    const client = await rawLogin(governed.gateway.postgres, await governed.token(), { application_name: 'quota' })
    await client.query('begin')
    await client.query("insert into notes values (78, 'gone')")
    client.seen.length = 0
    client.send(encodeQuery({ query: QUERY }))
    const lines = await client.toEnd()
    expect(lines.slice(-2)).toEqual(['E FATAL 58000 the recording of this session can not be written', 'closed'])
    const events = await recordingOf(governed.recordings, 'quota')
    const received = rowFrames(Buffer.concat(client.seen))
    expect(received.length).toBeGreaterThan(500_000)
    expect(keptFrames(events).subarray(0, received.length).equals(received)).toBe(true)
    expect(rowsIn(events).every(({ kept }) => kept === 'frames')).toBe(true)
    expect(events.at(-1)).toMatchObject({ kind: 'closed', reason: 'recorder-failed' })
    expect(events.findLast(event => event.kind === 'completion')).toMatchObject({ completion: { kind: 'unknown' } })
    expect(await governed.database.exec('select * from notes')).toEqual([])
    const { recordings } = await verifyDirectory(governed.recordings, { keys: null })
    expect(recordings.map(({ verdict }) => verdict.kind)).toEqual(['COMPLETE'])
  })
})
