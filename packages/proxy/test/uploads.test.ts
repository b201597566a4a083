import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ObjectStoreServer, startObjectStore } from '@querywarden/dev-servers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type CommandWorld, startCommandWorld } from './command-world.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

let world: CommandWorld
const stores: ObjectStoreServer[] = []
beforeAll(async () => {
  world = await startCommandWorld()
})
afterEach(async () => {
  await Promise.all(stores.splice(0).map(store => store.stop()))
})
afterAll(() => world.stop())

async function openStore(): Promise<{ readonly store: ObjectStoreServer; readonly env: Record<string, string> }> {
  const store = await startObjectStore({ partBytesMin: 1 })
  stores.push(store)
  return { store, env: { S3_KEY: store.accessKeyId, S3_SECRET: store.secretAccessKey } }
}

const s3Of = (store: ObjectStoreServer): string =>
  `{ bucket: recordings, region: ${store.region}, endpoint: "${store.url}", prefix: gateway, access_key_id: { env: S3_KEY }, secret_access_key: { env: S3_SECRET } }`

let dirs = 0
async function uploading(
  store: ObjectStoreServer,
  more = '',
): Promise<{ readonly file: string; readonly dir: string }> {
  const dir = `uploaded-${++dirs}`
  const upload = `{ s3: ${s3Of(store)}, lock: { mode: compliance, for: 400d }${more} }`
  const file = await world.configure({
    recording: `{ dir: ./${dir}, upload: ${upload}, retention: { recordings: 400d, values: 90d } }`,
  })
  return { file, dir: join(world.dir, dir) }
}

const recordingsIn = (store: ObjectStoreServer): readonly string[] =>
  [...store.objects().keys()].filter(key => key.endsWith('.dbrec'))

describe('R1: a gateway that uploads', () => {
  test('stores a session that ended, under lock; who has only the bucket verifies it', async () => {
    const { store, env } = await openStore()
    const { file, dir } = await uploading(store)
    const gateway = await world.up(file, env)
    const client = await gateway.logIn()
    await client.query('select name from customers')
    await client.end()
    const ended = await gateway.end('SIGTERM')
    expect(ended.exit).toBe(0)
    expect(recordingsIn(store)).toHaveLength(1)
    for (const key of store.objects().keys()) expect(store.versions(key)[0]?.lock?.mode).toBe('COMPLIANCE')
    await rm(dir, { recursive: true })
    const bucket = join(world.dir, 'bucket.yaml')
    await writeFile(bucket, `s3: ${s3Of(store)}\n`)
    const fetched = await world.run(['sessions', 'fetch', 'copy', '--from', bucket], env)
    expect(fetched.out).toContain('1 recordings, 1 logs')
    expect(fetched.exit).toBe(0)
    const verified = await world.run(['sessions', 'verify', '--dir', 'copy', '--all'])
    expect(verified.out).toContain('COMPLETE')
    expect(verified.exit).toBe(0)
    expect(ended.out + ended.err).not.toContain(store.secretAccessKey)
  })

  test('F10: goes on while the bucket is away, tells so, and brings it there after a restart', async () => {
    const { store, env } = await openStore()
    const { file } = await uploading(store, ', keep_local: false')
    store.fail({ operation: 'PutObject', kind: 'denied', times: 1_000 })
    const gateway = await world.up(file, env)
    const client = await gateway.logIn()
    await client.query('select name from customers')
    await client.end()
    await gateway.prints(/"recordings can not be uploaded; they stay here until they can"/)
    const again = await gateway.logIn()
    await again.query('select name from customers')
    await again.end()
    const metrics = await (await fetch(new URL('/metrics', gateway.adminUrl))).text()
    expect(metrics).toMatch(/^querywarden_upload_failing 1$/m)
    await gateway.end('SIGKILL')
    expect(recordingsIn(store)).toHaveLength(0)
    store.heal()
    const next = await world.up(file, env)
    while (recordingsIn(store).length < 2) await sleep(50)
    await next.end('SIGTERM')
    expect(recordingsIn(store)).toHaveLength(2)
  })

  test('does not start without its secrets, nor send them or recordings in the clear', async () => {
    const { store } = await openStore()
    const { file } = await uploading(store)
    const without = await world.run(['up', '-c', file])
    expect(without.exit).toBe(2)
    expect(without.err).toContain('`S3_KEY` is not set')
    const s3 = s3Of(store).replace(store.url, 'http://store.example.com')
    const clear = await world.configure({ recording: `{ dir: ./recordings, upload: { s3: ${s3} } }` })
    const refused = await world.run(['up', '-c', clear])
    expect(refused.exit).toBe(2)
    expect(refused.err).toContain('expected https, but for a store on this host')
  })
})

describe('doctor', () => {
  test('tries the bucket as uploads will', async () => {
    const { store, env } = await openStore()
    const { file } = await uploading(store)
    const good = await world.run(['doctor', '-c', file], env)
    expect(good.out).toContain(
      'ok    bucket recordings: writable, nothing there is written over, and locks of COMPLIANCE hold',
    )
    store.fail({ operation: 'ListObjectsV2', kind: 'denied' })
    const bad = await world.run(['doctor', '-c', file], env)
    expect(bad.exit).toBe(1)
    expect(bad.out).toMatch(
      /FAIL {2}bucket recordings: listing s3:\/\/recordings\/gateway\/ was refused \(403 AccessDenied\)/,
    )
    const wrong = await world.run(['doctor', '-c', file], { ...env, S3_SECRET: 'x'.repeat(40) })
    expect(wrong.out).toContain('SignatureDoesNotMatch')
    expect(await readdir(world.dir)).not.toContain('doctor')
  })
})
