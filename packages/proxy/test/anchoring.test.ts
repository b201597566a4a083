import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startWitness, type WitnessServer } from '@querywarden/dev-servers'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { keysNew } from '../src/commands/keys.ts'
import { sessionsVerify, type VerifyCommandOptions } from '../src/commands/session-verify.ts'
import { openLog } from '../src/log.ts'
import { type Governed, govern } from './governed-database.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 90_000 })

const NAME = 'gateway-1.example.com'

let world: Governed
let witness: WitnessServer
let dir: string
let client: Client
const logged: string[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-anchor-'))
  const path = join(dir, 'checkpoint.key')
  const printed: string[] = []
  await keysNew({ out: line => printed.push(line), note: () => undefined, isJson: false }, { out: path, name: NAME })
  await mkdir(join(dir, 'anchor'))
  await writeFile(join(dir, 'verifier'), printed.join(''))
  witness = await startWitness({ logKeys: printed })
  world = await govern({
    log: openLog('info', { write: line => logged.push(line) }),
    recording: {
      checkpoints: {
        name: NAME,
        signer: { kind: 'key', key: { kind: 'file', path } },
        everyMs: 100,
        graceMs: 1_500,
        anchors: [
          { kind: 'folder', dir: join(dir, 'anchor') },
          { kind: 'witness', url: witness.url, verifierKey: witness.verifierKey },
        ],
      },
    },
  })
  client = await world.client()
})
afterAll(async () => {
  await world.stop()
  await witness.stop()
  await rm(dir, { recursive: true, force: true })
})

const admin = (path: string): Promise<Response> => {
  const { host, port } = world.gateway.admin
  return fetch(`http://${host}:${port}${path}`)
}
const codeOf = (query: Promise<unknown>): Promise<unknown> =>
  query.then(
    () => 'fine',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )

const polled = { timeout: 30_000, interval: 100 }

test('checkpoints of what is recorded go to every anchor, and metrics say how far they are', async () => {
  await client.query('select 1')
  const [boot = ''] = (await readdir(world.recordings)).filter(name => !name.includes('.'))
  await expect.poll(() => readdir(join(dir, 'anchor', boot)).then(names => names.length), polled).toBeGreaterThan(0)
  await expect.poll(() => witness.sizeOf(`${NAME}/${boot}`), polled).toBeGreaterThan(2)
  const metrics = await (await admin('/metrics')).text()
  expect(metrics).toMatch(/querywarden_anchor_lag_seconds\{anchor="witness witness.example.com\/w1"\} \d/)
  expect(metrics).toMatch(/querywarden_anchored_entries\{anchor="folder [^"]+\/anchor"\} [1-9]/)
  expect(metrics).toMatch(/querywarden_anchor_failures_total\{anchor="witness witness.example.com\/w1"\} 0/)
})

test('F13: with an anchor out of reach for too long nothing new begins, and all goes on when it is back', async () => {
  await rename(join(dir, 'anchor'), join(dir, 'away'))
  expect(await codeOf(client.query('select 1'))).toBe('fine')
  await expect.poll(() => codeOf(client.query('select 1')), polled).toBe('58000')
  expect(await codeOf(client.query("insert into notes values (1, 'x')"))).toBe('58000')
  expect(await codeOf(world.client())).not.toBe('fine')
  const ready = await admin('/readyz')
  expect(ready.status).toBe(503)
  expect(await ready.text()).toMatch(/anchor folder [^"]+\/anchor is \d+ s behind the recordings/)
  const told = logged.join('')
  expect(told).toMatch(/"level":40[^\n]*can't be written there \(ENOENT\)[^\n]*checkpoints of the recordings fail here/)
  expect(told).toMatch(/"level":50[^\n]*\/anchor is behind since [^\n]*ENOENT[^\n]*no session opens/)

  await rename(join(dir, 'away'), join(dir, 'anchor'))
  await expect.poll(() => codeOf(client.query('select 1')), polled).toBe('fine')
  const other = await world.client()
  expect(await codeOf(other.query('select 2'))).toBe('fine')
  await expect.poll(async () => (await admin('/readyz')).status, polled).toBe(200)
  expect(logged.join('')).toContain('checkpoints of the recordings are well here again')
})

test('what was anchored and cosigned verifies, and what was taken away since shows', async () => {
  await client.end()
  const key = await readFile(join(dir, 'verifier'), 'utf8')
  const [boot = ''] = (await readdir(world.recordings)).filter(name => !name.includes('.'))
  const verify = async (options: Partial<VerifyCommandOptions>): Promise<[number, string]> => {
    const lines: string[] = []
    const terminal = { out: (line: string) => lines.push(line), note: () => undefined, isJson: true }
    const exit = await sessionsVerify(terminal, undefined, { dir: world.recordings, all: true, key: [key], ...options })
    return [exit, lines.join('\n')]
  }
  const anchored = async (): Promise<string> => (await verify({ anchor: [join(dir, 'anchor')] }))[1]
  await expect.poll(anchored, polled).toMatch(/"kind": "COMPLETE"/)
  expect((await verify({ witness: [witness.verifierKey] }))[1]).toMatch(/"kind": "COMPLETE"/)
  await rename(join(world.recordings, boot), join(dir, 'taken'))
  const [exit, told] = await verify({ anchor: [join(dir, 'anchor')] })
  expect(exit).toBe(1)
  expect(told).toContain(boot)
  await rename(join(dir, 'taken'), join(world.recordings, boot))
})
