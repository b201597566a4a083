import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BACKEND_TAGS, encodeQuery, FrameBuffer } from '@querywarden/wire/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Governed, govern } from './governed-database.ts'
import { type RawClient, rawLogin } from './raw-client.ts'

let governed: Governed
beforeAll(async () => {
  governed = await govern()
})
afterAll(() => governed.stop())

const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes of buffers that are alive, in the gateway and in this test alike: both run in this process. */
function alive(): number {
  collect()
  const { external, arrayBuffers, heapUsed } = process.memoryUsage()
  return external + arrayBuffers + heapUsed
}

const login = async (): Promise<RawClient> => rawLogin(governed.gateway.postgres, await governed.token())

test('O2, F26: a client that does not read a large result makes the gateway hold little of it', async () => {
  const client = await login()
  const before = alive()
  client.socket.pause()
  client.send(encodeQuery({ query: "select repeat('x', 10000) from generate_series(1, 20000)" }))
  const writing = async (): Promise<unknown> =>
    (
      await governed.database.exec(
        "select wait_event from pg_stat_activity where usename = 'svc_app' and wait_event = 'ClientWrite'",
      )
    )[0]
  while ((await writing()) === undefined) await new Promise(resolve => setTimeout(resolve, 20))
  await new Promise(resolve => setTimeout(resolve, 200))
  // 200 MB are on offer; the server waits, and so its query is not over.
  expect(await writing()).toBeDefined()
  expect(alive() - before).toBeLessThan(16 * MIB)

  let bytes = 0
  client.socket.removeAllListeners('data')
  await new Promise<void>(resolve => {
    client.socket.on('data', chunk => {
      bytes += chunk.length
      if (bytes > 200_000_000 && chunk.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I', 'latin1'))) resolve()
    })
    client.socket.resume()
  })
  expect(bytes).toBeGreaterThan(20_000 * 10_000)
  client.socket.destroy()
})

/** Sends a query and gives the bytes of the answer, up to ReadyForQuery; to the end of the connection where none comes. */
function answerTo(client: RawClient, query: string): Promise<Buffer> {
  client.socket.removeAllListeners('data')
  const chunks: Buffer[] = []
  return new Promise(resolve => {
    const done = (): void => resolve(Buffer.concat(chunks))
    client.socket.once('close', done)
    client.socket.on('data', chunk => {
      chunks.push(chunk)
      if (chunk.subarray(-6).equals(Buffer.from('Z\0\0\0\x05I', 'latin1'))) done()
    })
    client.send(encodeQuery({ query }))
  })
}

/** The tags and lengths of an answer's messages. */
function messagesOf(answer: Buffer): string[] {
  const frames = new FrameBuffer({ frameBytesMax: 64 * MIB, tags: BACKEND_TAGS })
  frames.push(answer)
  const messages: string[] = []
  for (let frame = frames.next(); frame !== undefined; frame = frames.next())
    messages.push(`${String.fromCharCode(frame.tag)} ${frame.body.length}`)
  expect(frames.buffered).toBe(0)
  return messages
}

test('F27: a row far above the limit for messages passes in parts, and what follows is in its place', async () => {
  const client = await login()
  const row = messagesOf(await answerTo(client, "select repeat('x', 40000000), 7; select 8"))
  expect(row).toEqual([
    expect.stringMatching(/^T/),
    'D 40000011',
    'C 9',
    expect.stringMatching(/^T/),
    'D 7',
    'C 9',
    'Z 1',
  ])
  const copied = messagesOf(await answerTo(client, "copy (select repeat('x', 40000000)) to stdout"))
  expect(copied).toEqual(['H 5', 'd 40000001', 'c 0', 'C 7', 'Z 1'])
})

test('F27: one that detectors must look into as a whole ends the session with a reason', async () => {
  const detecting = await govern({
    policy:
      'version: 1\nrules: [{ id: read, decision: allow, what: { effects: [read] } }]\nmasks: [{ detect: [email], with: redact }]\n',
  })
  try {
    const client = await rawLogin(detecting.gateway.postgres, await detecting.token())
    const answer = await answerTo(client, "select repeat('x', 20000000)")
    expect(answer.length).toBeLessThan(1_000)
    expect(answer.toString('latin1')).toMatch(/FATAL\0C54000\0Mthe database sent too large/)
  } finally {
    await detecting.stop()
  }
})

test('O2: statements sent without reading any answer are taken no further than their bound', async () => {
  const client = await login()
  const before = alive()
  const query = encodeQuery({ query: `select '${'x'.repeat(100_000)}'` })
  client.socket.pause()
  for (let i = 0; i < 2_000 && client.socket.writableLength < 64 * MIB; i++) {
    client.socket.write(query)
    await new Promise(resolve => setImmediate(resolve))
  }
  await new Promise(resolve => setTimeout(resolve, 300))
  // What this side of the test could not send yet is its own. The gateway has at most one bound's worth, twice while it grows.
  expect(alive() - before - client.socket.writableLength).toBeLessThan(80 * MIB)
  client.socket.destroy()
})
