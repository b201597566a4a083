import { readdir, readFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { readRecording } from '@querywarden/recording'
import { encodeQuery, FRONTEND_TAGS, FrameBuffer } from '@querywarden/wire/postgres'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { Link } from '../../src/link.ts'
import { KEY_FILE, readRecordingKey } from '../../src/open-recorder.ts'
import { drainedInTime } from '../../src/postgres/slow-client.ts'
import { type Governed, govern, POLICY, SCHEMA } from '../governed-database.ts'
import { type RawClient, rawConnect } from '../raw-client.ts'
import { type Meddler, startMeddler } from './meddler.ts'
import { patientLogin } from './patient-login.ts'
import { within } from './within.ts'

const MIB = 1024 * 1024
const MARK = 'Africa/Abidjan'

let governed: Governed
let meddler: Meddler
beforeAll(async () => {
  governed = await govern({
    schema: SCHEMA,
    policy: POLICY,
    via: async port => {
      meddler = await startMeddler(port, MARK)
      return meddler.port
    },
  })
})
afterAll(async () => {
  await governed.stop()
  meddler.stop()
})
afterEach(() => {
  meddler.set(null)
  vi.useRealTimers()
})

const query = (text: string): Uint8Array => encodeQuery({ query: text })
const login = async (): Promise<RawClient> =>
  patientLogin(governed.gateway.postgres, await governed.token(), { timezone: MARK })

describe('F18: the database dies', () => {
  const completions = async (): Promise<readonly string[]> => {
    const kek = readRecordingKey(await readFile(join(governed.recordings, KEY_FILE), 'utf8'))
    const found = await readdir(governed.recordings, { recursive: true })
    const told: string[] = []
    for (const file of found.filter(name => name.endsWith('.dbrec'))) {
      const texts = new Map<number, string>()
      for await (const event of readRecording(join(governed.recordings, file), { kek })) {
        if (event.kind === 'intent') texts.set(event.statement, event.sql.redacted)
        if (event.kind === 'completion') told.push(`${texts.get(event.statement)} ${event.completion.kind}`)
      }
    }
    return told
  }

  test('while COMMIT is under way: told as 08006, recorded as unknown, and not tried again', async () => {
    const client = await login()
    await client.query('begin')
    await client.query("insert into notes values (71, 'once')")
    // The server commits, and nobody hears of it.
    meddler.set(() => [])
    client.send(query('commit and no chain'))
    const isIn = async (): Promise<boolean> =>
      (await governed.database.exec('select 1 from notes where id = 71')).length === 1
    expect(await within(5_000, isIn)).toBe(true)
    meddler.cut()
    expect((await client.toEnd()).slice(-2)).toEqual([expect.stringMatching(/^E FATAL 08006/), 'closed'])
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(await completions()).toContain('commit and no chain unknown')
    expect((await completions()).filter(line => line.startsWith('commit and no chain'))).toHaveLength(1)
    expect(await governed.database.exec('select count(*)::int as n from notes where id = 71')).toEqual([{ n: 1 }])
  })

  test('in a transaction, between statements: the session ends with a reason, and nothing is kept', async () => {
    const client = await login()
    await client.query('begin')
    await client.query("insert into notes values (72, 'never') returning 'f18'")
    const [session] = await governed.database.exec(
      "select pid from pg_stat_activity where query like '%f18%' and usename = 'svc_app'",
    )
    await governed.database.exec(`select pg_terminate_backend(${Number(session?.['pid'])})`)
    expect((await client.toEnd()).at(-2)).toMatch(/^E FATAL (57P01|08006)/)
    expect(await governed.database.exec('select 1 from notes where id = 72')).toEqual([])
  })
})

describe('F26: a client that takes nothing', () => {
  test('is cut off when it has stalled a write for a minute, and not before', async () => {
    const [ours, theirs] = await pair()
    theirs.pause()
    const link = new Link(ours, new FrameBuffer({ frameBytesMax: MIB, tags: FRONTEND_TAGS }), { bufferedBytesMax: MIB })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    while (!ours.writableNeedDrain) link.write(Buffer.alloc(MIB))
    const drained = drainedInTime(link)
    vi.advanceTimersByTime(59_000)
    expect(ours.destroyed).toBe(false)
    vi.advanceTimersByTime(1_001)
    expect(ours.destroyed).toBe(true)
    await drained
    theirs.destroy()
  })

  async function pair(): Promise<readonly [Socket, Socket]> {
    const server = createServer()
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const accepted = new Promise<Socket>(resolve => server.once('connection', resolve))
    const { socket } = await rawConnect({
      host: '127.0.0.1',
      port: typeof address === 'object' && address !== null ? address.port : 0,
    })
    server.close()
    return [await accepted, socket]
  }
})
