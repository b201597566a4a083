import { execFile } from 'node:child_process'
import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type ObjectStoreServer, startObjectStore } from '@querywarden/dev-servers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Finished } from './built-command.ts'
import { type CommandWorld, startCommandWorld } from './command-world.ts'
import { POLICY } from './governed-database.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })

const SECOND_VERIFIER = fileURLToPath(new URL('../../recording/verifier/verify.mjs', import.meta.url))
const MASKED = 'a***@example.com'

let world: CommandWorld
let store: ObjectStoreServer
/** The line that an auditor is given beforehand. */
let key: string
let s3: string
let env: Record<string, string>

// What docs/recording.md has an operator set up: a signer, and a bucket that anchors and holds what was recorded.
beforeAll(async () => {
  ;[world, store] = await Promise.all([startCommandWorld(), startObjectStore({ partBytesMin: 1 })])
  env = { S3_KEY: store.accessKeyId, S3_SECRET: store.secretAccessKey }
  const made = await world.run(['keys', 'new', 'checkpoint', '--name', 'gateway-1.example.com', '--out', 'signer.key'])
  key = made.out.trim()
  s3 = `{ bucket: recordings, prefix: gateway, region: ${store.region}, endpoint: "${store.url}", access_key_id: { env: S3_KEY }, secret_access_key: { env: S3_SECRET } }`
  await writeFile(join(world.dir, 'bucket.yaml'), `s3: ${s3}\n`)
  await writeFile(join(world.dir, 'audited.yaml'), `${POLICY}record:\n  - { rows: all }\n`)
  const lock = 'lock: { mode: compliance, for: 400d }'
  const config = await world.configure({
    policy: './audited.yaml',
    recording: `{ dir: ./recordings, upload: { s3: ${s3}, ${lock} }, checkpoints: { name: gateway-1.example.com, every_seconds: 1, signer: { key: { file: ./signer.key } }, anchors: [ { s3: ${s3}, ${lock} } ] } }`,
  })
  const gateway = await world.up(config, env)
  const client = await gateway.logIn()
  await client.query('select name, email from customers order by name limit 1')
  await client.query('drop table notes').catch(() => undefined)
  await client.end()
  expect((await gateway.end('SIGTERM')).exit).toBe(0)
})
afterAll(async () => {
  await world.stop()
  await store.stop()
})

const verify = (dir: string): Promise<Finished> =>
  world.run(['sessions', 'verify', '--all', '--dir', dir, '--anchor', 's3:bucket.yaml', '--key', key], env)

const fetched = async (dir: string): Promise<string> => {
  const { exit, out, err } = await world.run(['sessions', 'fetch', dir, '--from', 'bucket.yaml'], env)
  expect(exit, out + err).toBe(0)
  return join(world.dir, dir)
}

async function filesOf(dir: string, ending: string): Promise<readonly string[]> {
  return (await readdir(dir, { recursive: true })).filter(name => name.endsWith(ending)).map(name => join(dir, name))
}

test('R1: who has the bucket and the key sees that all is there, and what a client saw', async () => {
  await fetched('evidence')
  const verified = await verify('evidence')
  expect(verified.out).toMatch(/^1 complete; 0 findings/)
  expect(verified.out).not.toContain('note: without --anchor')
  expect(verified.exit).toBe(0)

  const [recording = ''] = await filesOf(join(world.dir, 'recordings'), '.dbrec')
  const replayed = await world.run(['sessions', 'replay', recording, '--dir', 'recordings', '--as', 'auditor'])
  expect(replayed.out, replayed.err).toContain(MASKED)
  expect(replayed.out).toContain('drop table notes')
  expect(replayed.out).toMatch(/no-ddl/)
  expect(replayed.out).not.toContain('ada@')
  const accesses = await world.run(['sessions', 'accesses', '--dir', 'recordings'])
  expect(accesses.out).toMatch(/replay.*auditor|auditor.*replay/)
})

test('R1: a session that was deleted on the host is missing there, and whole in the bucket', async () => {
  const dir = await fetched('deleted')
  for (const file of await filesOf(dir, '.dbrec')) await rm(file)
  const missing = await verify('deleted')
  expect(missing.exit).toBe(1)
  expect(missing.out).toContain('MISSING')
  await fetched('deleted')
  expect((await verify('deleted')).exit).toBe(0)
})

test('R2: a changed byte, and a log that lost its end, are told whoever holds the disk', async () => {
  const dir = await fetched('changed')
  const [recording = ''] = await filesOf(dir, '.dbrec')
  const bytes = await readFile(recording)
  bytes[bytes.length - 200] = (bytes[bytes.length - 200] ?? 0) ^ 1
  await writeFile(recording, bytes)
  expect((await verify('changed')).out).toContain('TAMPERED')

  const cut = await fetched('cut')
  const [log = ''] = await filesOf(cut, 'instance.log')
  const entries = await readFile(log)
  await writeFile(log, entries.subarray(0, entries.length - 150))
  for (const file of [...(await filesOf(cut, '.dbrec')), ...(await filesOf(cut, 'checkpoint'))]) await rm(file)
  const verified = await verify('cut')
  expect(verified.exit).toBe(1)
  expect(verified.out).toContain('LOG')
})

test('shredding takes the values, and nothing from the verdict; the second verifier agrees', async () => {
  const [recording = ''] = await filesOf(join(world.dir, 'recordings'), '.dbrec')
  const shredded = await world.run([
    'sessions',
    'shred',
    recording,
    '--dir',
    'recordings',
    '--yes',
    '--why',
    'asked for',
  ])
  expect(shredded.exit).toBe(0)
  const replayed = await world.run(['sessions', 'replay', recording, '--dir', 'recordings'])
  expect(replayed.out).not.toContain(MASKED)
  expect(replayed.out).toContain('drop table notes')
  expect((await verify('recordings')).out).toMatch(/^1 complete; 0 findings/)
  const second = await promisify(execFile)(process.execPath, [SECOND_VERIFIER, join(world.dir, 'recordings')])
  expect(second.stdout).toContain('"kind":"COMPLETE"')
  await appendFile(recording, Buffer.of(0))
  const after = await promisify(execFile)(process.execPath, [SECOND_VERIFIER, join(world.dir, 'recordings')]).catch(
    (error: { readonly code: number; readonly stdout: string }) => error,
  )
  expect(after).toMatchObject({ code: 1, stdout: expect.stringContaining('"kind":"TAMPERED"') })
  expect((await verify('recordings')).exit).toBe(1)
})
