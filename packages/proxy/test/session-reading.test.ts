import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Entry, SessionOpening } from '@querywarden/policy-core'
import { fileRecorder, listAccesses, listRecordings, verifyDirectory } from '@querywarden/recording'
import { uuidv7 } from 'uuidv7'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sessionsAccesses, sessionsShred } from '../src/commands/session-access.ts'
import { sessionsExport } from '../src/commands/session-export.ts'
import { sessionsReplay } from '../src/commands/session-replay.ts'
import { sessionsIndex, sessionsList } from '../src/commands/session-search.ts'
import { sessionsShow } from '../src/commands/sessions.ts'
import type { Terminal } from '../src/commands/terminal.ts'

let dir: string
let recording: string
let file: string
const KEK = Buffer.alloc(32, 7)

const opening: SessionOpening = {
  session: 'session-1',
  principal: {
    issuer: 'https://idp.example.com',
    subject: 'devin',
    groups: [],
    actor: null,
    expiresAt: 2_000_000_000_000,
    credentialDigest: null,
  },
  target: { name: 'app', dialect: 'postgres' },
  policyVersion: 'p1',
  catalogFingerprint: 'f1',
  client: {},
}

const intent: Entry = {
  kind: 'intent',
  statement: 1,
  text: "select name from customers where city = 'value-canary'",
  canonical: "select name from customers where city = 'value-canary'",
  params: [],
  tag: 'SELECT',
  effects: ['read'],
  relations: ['public.customers'],
  functions: [],
  decision: 'allow',
  reasons: [],
  approval: null,
  obligations: { masks: [], detect: [], limits: { rowsMax: null, bytesMax: null, timeMsMax: null } },
}

const DATA_ROW = Buffer.from('440000000d000100000003416461', 'hex')

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'querywarden-reading-'))
  await writeFile(join(dir, 'recording.key'), KEK.toString('hex'))
  const recorder = await fileRecorder({
    dir,
    kek: KEK,
    durability: 'standard',
    parameters: 'encrypted',
    quotaBytes: 1_000_000,
    freeBytesMin: 0,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    sleep: ms => wait(ms, undefined, { ref: false }),
    randomBytes,
    newId: uuidv7,
    instance: 'test',
  })
  const session = await recorder.record(opening)
  await session.append(intent)
  await session.append({
    kind: 'rows',
    statement: 1,
    first: 0,
    rows: 1,
    columns: [{ name: 'name', typeOid: 25, format: 'text' }],
    frames: DATA_ROW,
  })
  await session.append({
    kind: 'completion',
    statement: 1,
    completion: { kind: 'done', tag: 'SELECT 1', rows: 1, bytes: 14, ms: 1 },
  })
  await session.close('client-left')
  await recorder.close()
  const [found] = await listRecordings(dir)
  ;[recording, file] = [found?.recording ?? '', found?.file ?? '']
})
afterEach(() => rm(dir, { recursive: true, force: true }))

/** A terminal that says, with each line, how many accesses were on the disk when it was shown. */
function watching(isJson = false) {
  const lines: string[] = []
  const terminal: Terminal = { out: line => lines.push(line), note: () => undefined, isJson }
  return { terminal, lines }
}

const replayOptions = { speed: 'max', rows: true }
const listOptions = { limit: '100' }

describe('PCI 10.2.1.3: reading recordings is noted down before it is done', () => {
  test.each<[string, (terminal: Terminal) => Promise<number>, object]>([
    [
      'replay',
      terminal => sessionsReplay(terminal, recording, { dir, ...replayOptions, at: '0s', as: 'Dana' }),
      { action: 'replay', detail: '--at 0s' },
    ],
    ['show', terminal => sessionsShow(terminal, recording, { dir, as: 'Dana' }), { action: 'replay', detail: 'show' }],
    [
      'search',
      terminal => sessionsList(terminal, { dir, ...listOptions, text: 'customers', as: 'Dana' }),
      { action: 'search', detail: 'a text of 9 characters' },
    ],
    [
      'search in values',
      terminal => sessionsList(terminal, { dir, ...listOptions, text: 'value-canary', values: true, as: 'Dana' }),
      { action: 'search', detail: 'a text of 12 characters, with values' },
    ],
    ['index --rebuild', terminal => sessionsIndex(terminal, { dir, rebuild: true, as: 'Dana' }), { action: 'search' }],
  ])('%s', async (_what, run, expected) => {
    const { terminal, lines } = watching()
    expect(await run(terminal)).toBe(0)
    expect(lines.length).toBeGreaterThan(0)
    const accesses = await listAccesses(dir)
    expect(accesses.map(({ access }) => access)).toMatchObject([
      { ...expected, who: expect.stringMatching(/^.+@.+ as Dana$/) },
    ])
    expect(JSON.stringify(accesses)).not.toContain('canary')
    const told = watching()
    await sessionsAccesses(told.terminal, { dir })
    expect(told.lines).toHaveLength(2)
  })

  test('listing and verifying read no contents, and are not noted', async () => {
    const { terminal, lines } = watching()
    await sessionsList(terminal, { dir, ...listOptions, who: 'dev*', target: 'app' })
    expect(lines[1]).toContain(recording)
    await verifyDirectory(dir, { keys: null })
    expect(await listAccesses(dir)).toEqual([])
  })

  test('where it can not be written down nothing is shown, and it is said what to do', async () => {
    const { terminal, lines } = watching()
    await chmod(dir, 0o500)
    // Root writes wherever it likes: then there is a file where the directory should be.
    const place = process.getuid?.() === 0 ? join(dir, 'recording.key') : dir
    const options = { dir: place, keyFile: join(dir, 'recording.key') }
    await expect(sessionsReplay(terminal, recording, { ...options, ...replayOptions })).rejects.toMatchObject({
      exit: 2,
    })
    await expect(sessionsList(terminal, { ...options, ...listOptions, text: 'x' })).rejects.toMatchObject({ exit: 2 })
    await chmod(dir, 0o700)
    expect(lines).toEqual([])
  })
})

describe('replay', () => {
  test('by id, by session, by a beginning and by file', async () => {
    for (const id of [recording, 'session-1', recording.slice(0, 12), file]) {
      const { terminal, lines } = watching()
      await sessionsReplay(terminal, id, { dir: id === file ? 'nowhere' : dir, ...replayOptions })
      expect(lines.join('\n')).toMatch(/value-canary[\s\S]*received 1 rows[\s\S]*Ada/)
    }
  })

  test('without rows, as a script, and as JSON', async () => {
    const [bare, script, json] = [watching(), watching(), watching(true)]
    await sessionsReplay(bare.terminal, recording, { dir, ...replayOptions, rows: false })
    expect(bare.lines.join('\n')).not.toContain('Ada')
    await sessionsReplay(script.terminal, recording, { dir, ...replayOptions, sqlOnly: true })
    expect(script.lines).toContain("select name from customers where city = 'value-canary';")
    await sessionsReplay(json.terminal, recording, { dir, ...replayOptions })
    const events: unknown = JSON.parse(json.lines.join('\n'))
    expect(events).toMatchObject([
      { kind: 'opened' },
      { kind: 'intent' },
      { kind: 'rows', values: [['Ada']] },
      { kind: 'completion' },
      { kind: 'closed' },
    ])
  })

  test.each([{ at: 'yesterday' }, { until: 'tomorrow' }, { speed: 'fast' }, { speed: '0' }])(
    '%j is bad usage, and reads nothing',
    async wrong => {
      const { terminal } = watching()
      await expect(sessionsReplay(terminal, recording, { dir, ...replayOptions, ...wrong })).rejects.toMatchObject({
        exit: 2,
      })
      expect(await listAccesses(dir)).toEqual([])
    },
  )
})

describe('export', () => {
  const exported = async (more: object): Promise<readonly string[]> => {
    const { terminal, lines } = watching()
    await sessionsExport(terminal, undefined, { dir, all: true, format: 'jsonl', ...more })
    return lines
  }

  test('has no value unless it is asked for, is noted down, and ends where it is told to', async () => {
    for (const format of ['jsonl', 'ocsf']) {
      const lines = await exported({ format })
      expect(lines.length).toBeGreaterThanOrEqual(3)
      for (const line of lines) expect(JSON.parse(line)).toBeTypeOf('object')
      expect(lines.join('\n')).not.toMatch(/canary|Ada/)
      expect((await exported({ format, values: true })).join('\n')).toContain('value-canary')
    }
    expect((await exported({ values: true })).join('\n')).toContain('"values":[["Ada"]]')
    expect(await exported({ who: 'nobody' })).toEqual([])
    expect(await exported({ since: '2100-01-01' })).toEqual([])
    const details = (await listAccesses(dir)).map(({ access }) =>
      access.kind === 'access' ? `${access.action} ${access.detail}` : '',
    )
    expect(details).toContain('export ocsf, with values')
    expect(details).toHaveLength(7)
  })

  test('tells a recording that can not be read, and gives the others', async () => {
    const bytes = await readFile(file)
    bytes[bytes.length >> 1]! ^= 1
    await writeFile(file, bytes)
    const { terminal } = watching()
    expect(await sessionsExport(terminal, undefined, { dir, all: true, format: 'jsonl' })).toBe(1)
    await expect(sessionsExport(terminal, undefined, { dir, format: 'jsonl' })).rejects.toMatchObject({ exit: 2 })
  })
})

describe('shredding', () => {
  test('destroys values, says so in the log and in every replay, and verifies as before', async () => {
    const { terminal } = watching()
    await expect(sessionsShred(terminal, recording, { dir })).rejects.toMatchObject({ exit: 2 })
    expect(await sessionsShred(terminal, recording, { dir, yes: true, why: 'request 7' })).toBe(0)
    const { lines, terminal: after } = watching()
    await sessionsReplay(after, recording, { dir, ...replayOptions })
    expect(lines.join('\n')).toMatch(/were destroyed on \S+ by \S+@\S+: request 7/)
    expect(lines.join('\n')).not.toMatch(/canary|Ada/)
    expect((await verifyDirectory(dir, { keys: null })).recordings).toMatchObject([{ verdict: { kind: 'COMPLETE' } }])
    expect((await readdir(join(file, '..'))).some(name => name.endsWith('.values'))).toBe(false)
    expect((await readFile(join(dir, 'recording.key'), 'utf8')).length).toBe(64)
  })
})
