import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodeQuery } from '@querywarden/wire/postgres'
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

test('F27: one row of 5 MB passes, above the limit for messages it ends the session with a reason', async () => {
  const client = await login()
  const lines = await client.query("select repeat('x', 5000000)")
  expect(lines[1]).toHaveLength(5_000_002)
  expect(lines.at(-1)).toBe('Z idle')
  expect((await client.query("select repeat('x', 20000000)")).at(-2)).toMatch(
    /^E FATAL 54000 the database sent too large/,
  )
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
