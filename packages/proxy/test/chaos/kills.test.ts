import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readRecording } from '@querywarden/recording'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KEY_FILE, readRecordingKey } from '../../src/open-recorder.ts'
import { type CommandWorld, type RunningGateway, startCommandWorld } from '../command-world.ts'
import { type Dice, dice } from './dice.ts'
import { type Marks, startWorker, type Worker } from './worker.ts'

const KILLS = Number(process.env['KILLS'] ?? 30)
const SEED = Number(process.env['SEED'] ?? 7)
const WORKERS = 3
const IDLE_SECONDS = 2

const POLICY = `version: 1
rules:
  - { id: notes, decision: allow, what: { effects: [read, write, transaction, session], relations: ["public.notes"] } }
  - { id: others, decision: allow, what: { effects: [read, transaction, session] } }
`

let world: CommandWorld
let config: string
let dir: string
let gateway: RunningGateway
beforeAll(async () => {
  world = await startCommandWorld()
  // The server tells of every statement that it is to run, also of those that are rolled back.
  await world.database.exec("alter system set log_statement = 'all'")
  await world.database.exec('select pg_reload_conf()')
  await writeFile(join(world.dir, 'chaos.yaml'), POLICY)
  config = await world.configure({
    policy: './chaos.yaml',
    recording: '{ dir: ./chaos }',
    more: `limits: { idle_seconds: ${IDLE_SECONDS}, failed_logins_per_minute: 10000, sessions: 200 }`,
  })
  dir = join(world.dir, 'chaos')
  gateway = await world.up(config)
}, 120_000)
afterAll(() => world.stop())

/** Sessions that clients have at the database; the gateway's own, which reads the schema, is not one. */
const SESSIONS =
  "select pid from pg_stat_activity where usename = 'svc_app' and (query ~ 'tag_|notes' or query in ('begin', 'commit', 'rollback')) and query !~ 'pg_catalog'"

const sessions = async (): Promise<readonly number[]> => {
  try {
    return (await world.database.exec(SESSIONS)).map(({ pid }) => Number(pid))
  } catch {
    // It is starting again after one of its processes was killed: it has no sessions.
    return []
  }
}

async function noneWithin(ms: number): Promise<readonly number[]> {
  const end = performance.now() + ms
  let left = await sessions()
  while (left.length > 0 && performance.now() < end) {
    await sleep(50)
    left = await sessions()
  }
  return left
}

/** Stands between clients and the gateway, and can go dead without a word to either. */
async function startWire(): Promise<{ readonly port: number; readonly goDead: () => void; readonly stop: () => void }> {
  const sockets: Socket[] = []
  let isDead = false
  const server = createServer({ allowHalfOpen: true }, client => {
    const inward = connect({ host: '127.0.0.1', port: gateway.port, allowHalfOpen: true })
    for (const socket of [client, inward]) {
      sockets.push(socket)
      socket.on('error', () => undefined)
    }
    client.on('data', chunk => isDead || inward.write(chunk))
    inward.on('data', chunk => isDead || client.write(chunk))
    client.on('close', () => isDead || inward.destroy())
    inward.on('close', () => isDead || client.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    goDead: () => {
      isDead = true
    },
    stop: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The gateway takes nobody while its process is overloaded, and the database while it starts. */
async function hire(port: number, chance: Dice, marks: Marks): Promise<Worker> {
  const token = await world.agentToken()
  for (let tries = 0; ; tries++) {
    try {
      return await startWorker(port, token, chance, marks)
    } catch (error) {
      if (tries > 100) throw error
      await sleep(100)
    }
  }
}

type Kill = 'client' | 'client-reset' | 'backend' | 'backend-9' | 'gateway' | 'half-open'

async function round(kill: Kill, chance: Dice, marks: Marks): Promise<void> {
  const wire = kill === 'half-open' ? await startWire() : null
  const workers: Worker[] = []
  while (workers.length < WORKERS)
    workers.push(await hire(workers.length === 0 && wire !== null ? wire.port : gateway.port, chance, marks))
  await sleep(chance.roll(300))
  const [victim] = workers
  switch (kill) {
    case 'client':
      victim?.client.socket.destroy()
      break
    case 'client-reset':
      victim?.client.socket.resetAndDestroy()
      break
    case 'backend':
    case 'backend-9': {
      const pids = await sessions()
      if (pids.length === 0) break
      const pid = chance.pick(pids)
      if (kill === 'backend-9') process.kill(pid, 'SIGKILL')
      else await world.database.exec(`select pg_terminate_backend(${pid})`)
      break
    }
    case 'gateway':
      await gateway.end('SIGKILL')
      break
    case 'half-open':
      wire?.goDead()
      break
  }
  // The others go on as if nothing had been, but where all were hit.
  await sleep(100)
  for (const worker of workers) worker.stop()
  const isOthers = (i: number): boolean =>
    (kill === 'client' || kill === 'client-reset' || kill === 'half-open') && i > 0
  for (const [i, worker] of workers.entries()) {
    if (isOthers(i)) expect(await worker.done, worker.client.text.slice(-400)).toBe('stopped')
    worker.client.socket.destroy()
  }
  if (kill === 'half-open') {
    // It can't be told from a client that thinks; what ends it is the limit for that.
    const left = await noneWithin(IDLE_SECONDS * 1_000 + 3_000)
    expect(left, kill).toEqual([])
  } else {
    expect(await noneWithin(2_000), kill).toEqual([])
  }
  wire?.stop()
  if (kill === 'gateway') gateway = await world.up(config)
}

/** What a text is about: marks of statements, and COPY, whose data has none. */
const marksIn = (text: string): readonly string[] => text.match(/as tag_\d+/g) ?? []
const copiesIn = (text: string): number => (text.match(/copy (public\.)?notes from stdin/g) ?? []).length

async function intents(): Promise<{ readonly marks: ReadonlySet<string>; readonly copies: number }> {
  const kek = readRecordingKey(await readFile(join(dir, KEY_FILE), 'utf8'))
  const marks = new Set<string>()
  let copies = 0
  const files = (await readdir(dir, { recursive: true })).filter(name => name.endsWith('.dbrec'))
  for (const file of files) {
    for await (const event of readRecording(join(dir, file), { kek })) {
      if (event.kind !== 'intent') continue
      for (const mark of marksIn(event.sql.redacted)) marks.add(mark)
      copies += copiesIn(event.sql.redacted)
    }
  }
  return { marks, copies }
}

test(
  `F18, F21, F23, F24, R5: ${KILLS} kills of clients, database processes and the gateway leave no session behind and no statement unrecorded`,
  async () => {
    const chance = dice(SEED)
    const marks: Marks = { next: 0 }
    const kinds: readonly Kill[] = [
      'client',
      'client-reset',
      'backend',
      'client',
      'gateway',
      'client-reset',
      'backend',
      'half-open',
      'client',
      'backend-9',
    ]
    for (let i = 0; i < KILLS; i++) await round(kinds[i % kinds.length] ?? 'client', chance, marks)
    expect((await gateway.end('SIGTERM')).exit).toBe(0)

    // Recordings that a killed gateway left open are sealed by the next one; none stays open.
    const verified = await world.run(['sessions', 'verify', '--all', '--dir', dir])
    expect(verified.err).toBe('')
    expect(verified.out).toMatch(/^\d+ complete/)
    expect(verified.out).not.toMatch(/\b(OPEN|TAMPERED|MISSING|UNANCHORED)\b/)
    if (KILLS > 5) expect(verified.out).toContain('TORN')

    const seen = (await world.database.log())
      .split('\n')
      .filter(line => /LOG: {2}(execute|statement)/.test(line))
      .join('\n')
    const recorded = await intents()
    const unrecorded = marksIn(seen).filter(mark => !recorded.marks.has(mark))
    expect(unrecorded).toEqual([])
    expect(copiesIn(seen)).toBeLessThanOrEqual(recorded.copies)
    // It did see much: a log that told nothing would pass all of this.
    expect(new Set(marksIn(seen)).size).toBeGreaterThan(KILLS * 5)
    expect(copiesIn(seen)).toBeGreaterThan(KILLS / 5)
    const stored = await world.database.exec("select body from notes where body like 'tag%'")
    expect(stored.length).toBeGreaterThan(KILLS)
    expect(stored.filter(({ body }) => !recorded.marks.has(`as ${String(body)}`))).toEqual([])
  },
  120_000 + KILLS * 10_000,
)
