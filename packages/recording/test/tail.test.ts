import { cpSync } from 'node:fs'
import { cp, readdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  destroyValues,
  type FileRecorderOptions,
  fileRecorder,
  type KeyEncryption,
  listRecordings,
  localKeys,
  type RecordedEvent,
  type RecoveryReport,
  readRecording,
  renderReplay,
  verifyDirectory,
} from '../src/index.ts'
import { change, done, intent, KEK, opening, optionsFor, temporaryDir } from './fixtures.ts'

const keys = localKeys(KEK, count => Buffer.alloc(count))

/** A boot that was killed, as its folder was at that moment. */
interface Dead {
  readonly dir: string
  readonly folder: string
}

/** Time that stands still until it is let go: nothing is sealed or synced but what an entry asks for. */
function stoppedTime(): { readonly sleep: (ms: number) => Promise<void>; readonly go: () => void } {
  let go = (): void => undefined
  const held = new Promise<void>(resolve => {
    go = resolve
  })
  return { sleep: ms => (ms < 1_000 ? held : new Promise(() => undefined)), go }
}

/** Records, and copies the folder in the very turn of the event loop in which the last entry was taken: as kill -9 leaves it. */
async function killedAfter(
  entries: readonly Entry[],
  more: Partial<FileRecorderOptions> = {},
  meanwhile: (folder: string, session: { readonly append: (entry: Entry) => Promise<void> }) => Promise<void> = () =>
    Promise.resolve(),
): Promise<Dead> {
  const dir = await temporaryDir()
  const time = stoppedTime()
  const recorder = await fileRecorder(optionsFor(dir, { sleep: time.sleep, ...more }))
  const session = await recorder.record(opening())
  for (const entry of entries) await session.append(entry)
  await meanwhile(join(dir, recorder.boot), session)
  const copy = join(await temporaryDir(), 'copy')
  const folder = join(copy, recorder.boot)
  cpSync(join(dir, recorder.boot), folder, { recursive: true })
  time.go()
  await session.close('shutdown')
  await recorder.close()
  const [, , world] = (await readFile(join(folder, 'lock'), 'utf8')).split('\n')
  await writeFile(join(folder, 'lock'), `999999999\n1\n${world}\n`)
  return { dir: copy, folder }
}

async function copied(dead: Dead): Promise<Dead> {
  const dir = join(await temporaryDir(), 'copy')
  await cp(dead.dir, dir, { recursive: true })
  return { dir, folder: dead.folder.replace(dead.dir, dir) }
}

async function recover(dir: string, more: Partial<FileRecorderOptions> = {}): Promise<RecoveryReport> {
  const recorder = await fileRecorder(optionsFor(dir, more))
  await recorder.close()
  return recorder.recovery
}

async function eventsIn(dir: string): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (const { file } of await listRecordings(dir)) {
    for await (const event of readRecording(file ?? '', { kek: KEK })) events.push(event)
  }
  return events
}

const accountOf = (events: readonly RecordedEvent[]): readonly string[] =>
  events.flatMap(event => {
    if (event.kind === 'intent') return [`${event.statement} ${event.sql.text}`]
    return event.kind === 'completion' ? [`${event.statement} ${event.completion.kind}`] : []
  })

const verdictsOf = async (dir: string) => (await verifyDirectory(dir, { keys })).recordings.map(one => one.verdict)
const namesIn = async (folder: string, suffix: string) => (await readdir(folder)).filter(name => name.endsWith(suffix))
const tailOf = async ({ folder }: Dead): Promise<string> => join(folder, (await namesIn(folder, '.tail'))[0] ?? '')

const again = intent(0, "select 'again' from t where a = $1")
const repeated = (statement: number, value: string): Entry => ({
  ...again,
  statement,
  params: [{ typeOid: 23, format: 'text', value }],
})
/** Reads, with their outcomes: some alike, some not. */
const reads: readonly Entry[] = [1, 2, 3, 4, 5, 6].flatMap(n => [
  n % 2 === 0 ? intent(n, `select 'literal-${n}'`) : repeated(n, `value-${n}`),
  done(n),
])
/** The last outcome is in the gateway's memory only: it is promised within milliseconds. */
const expected: readonly string[] = [
  "1 select 'again' from t where a = $1",
  '1 done',
  "2 select 'literal-2'",
  '2 done',
  "3 select 'again' from t where a = $1",
  '3 done',
  "4 select 'literal-4'",
  '4 done',
  "5 select 'again' from t where a = $1",
  '5 done',
  "6 select 'literal-6'",
]

let dead: Dead
beforeAll(async () => {
  dead = await killedAfter(reads)
})

describe('R5, F24: what a killed gateway had told the kernel', () => {
  test('is not in a frame before it is recovered, and all there after', async () => {
    expect(accountOf(await eventsIn(dead.dir))).toEqual([])
    const { dir, folder } = await copied(dead)
    expect(await recover(dir)).toMatchObject({
      recovered: [{ frames: 3, tailEntries: expected.length, discardedBytes: 0 }],
      left: [],
      missing: [],
      tornTails: [],
    })
    const events = await eventsIn(dir)
    expect(accountOf(events)).toEqual(expected)
    expect(events.at(-1)).toMatchObject({ kind: 'recovered', recovery: { tailEntries: expected.length } })
    expect(await renderReplay(events)).toContain(
      `the last ${expected.length} entries before this were taken from its tail`,
    )
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'TORN', frames: 3, anchoredFrames: 3 }])
    expect(await namesIn(folder, '.tail')).toEqual([])
  })

  test('is recovered once, however often it is tried', async () => {
    const { dir } = await copied(dead)
    await Promise.all([recover(dir), recover(dir), recover(dir)])
    await recover(dir)
    expect(accountOf(await eventsIn(dir))).toEqual(expected)
  })

  test('is not told twice when the recovery itself was cut short, wherever', async () => {
    const first = await copied(dead)
    await recover(first.dir)
    const name = (await namesIn(first.folder, '.dbrec'))[0] ?? ''
    const before = (await readFile(join(dead.folder, name))).length
    const whole = await readFile(join(first.folder, name))
    for (let length = before; length < whole.length; length += 71) {
      const second = await copied(dead)
      await writeFile(join(second.folder, name), whole.subarray(0, length))
      expect(await recover(second.dir)).toMatchObject({ left: [], recovered: [{}] })
      expect(accountOf(await eventsIn(second.dir)), `cut to ${length}`).toEqual(expected)
    }
  })

  test('of sessions that share the tail goes to each its own', async () => {
    const dir = await temporaryDir()
    const time = stoppedTime()
    const recorder = await fileRecorder(optionsFor(dir, { sleep: time.sleep }))
    const sessions = await Promise.all(['a', 'b', 'c'].map(session => recorder.record(opening({ session }))))
    for (let n = 1; n <= 9; n++)
      for (const [i, session] of sessions.entries()) await session.append(intent(n, `select '${'abc'[i]}${n}'`))
    const copy = join(await temporaryDir(), 'copy')
    cpSync(dir, copy, { recursive: true })
    time.go()
    await Promise.all(sessions.map(session => session.close('shutdown')))
    await recorder.close()
    const lock = join(copy, recorder.boot, 'lock')
    await writeFile(lock, `999999999\n1\n${(await readFile(lock, 'utf8')).split('\n')[2]}\n`)
    await recover(copy)
    for (const { file, header } of await listRecordings(copy)) {
      const texts: string[] = []
      for await (const event of readRecording(file ?? '', { kek: KEK }))
        if (event.kind === 'intent') texts.push(event.sql.text ?? '')
      expect(texts).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map(n => `select '${header?.session}${n}'`))
    }
  })

  test('and has in frames already is not told twice: a stale tail', async () => {
    const { dir, folder } = await killedAfter(reads, {}, (_, session) =>
      session.append(change(7, 'update t set a = 1')),
    )
    expect(await namesIn(folder, '.tail')).toHaveLength(1)
    expect(await recover(dir)).toMatchObject({ recovered: [{ tailEntries: 0 }] })
    expect(accountOf(await eventsIn(dir))).toEqual([...expected, '6 done', '7 update t set a = 1'])
  })

  test('comes behind the frames that are whole, when one was torn that had it too', async () => {
    const stale = await killedAfter(reads, {}, (_, session) => session.append(change(7, 'update t set a = 1')))
    const name = (await namesIn(stale.folder, '.dbrec'))[0] ?? ''
    const bytes = await readFile(join(stale.folder, name))
    const opened = (await readFile(join(dead.folder, (await namesIn(dead.folder, '.dbrec'))[0] ?? ''))).length
    for (const length of [opened + 1, opened + 40, opened + 300]) {
      const { dir, folder } = await copied(stale)
      await writeFile(join(folder, name), bytes.subarray(0, length))
      expect(await recover(dir)).toMatchObject({
        recovered: [{ tailEntries: expected.length, discardedBytes: length - opened }],
      })
      expect(accountOf(await eventsIn(dir))).toEqual(expected)
    }
  })
})

describe('R1, R2: a tail that is not as it was written', () => {
  const isBeginning = (got: readonly string[]): boolean => got.every((line, i) => line === expected[i])

  test('cut at any length gives what was whole, and is set aside', async () => {
    const bytes = await readFile(await tailOf(dead))
    let most = 0
    for (let length = 0; length < bytes.length; length += 61) {
      const one = await copied(dead)
      await writeFile(await tailOf(one), bytes.subarray(0, length))
      const { left, tornTails } = await recover(one.dir)
      expect(left).toEqual([])
      const got = accountOf(await eventsIn(one.dir))
      expect(isBeginning(got), `cut to ${length}`).toBe(true)
      expect(got.length).toBeGreaterThanOrEqual(most)
      most = got.length
      for (const torn of tornTails) expect(await readFile(torn)).toEqual(bytes.subarray(0, length))
      expect(await namesIn(one.folder, '.tail')).toEqual([])
      expect(await verdictsOf(one.dir)).toMatchObject([{ kind: 'TORN', recovered: {} }])
    }
    expect(most).toBeGreaterThan(expected.length - 3)
  })

  test('with any byte flipped gives no entry that was not written', async () => {
    const bytes = await readFile(await tailOf(dead))
    for (let at = 0; at < bytes.length; at += 41) {
      const one = await copied(dead)
      const flipped = Buffer.from(bytes)
      flipped[at] = flipped[at]! ^ (1 << (at % 8))
      await writeFile(await tailOf(one), flipped)
      const { left, tornTails } = await recover(one.dir)
      expect(left).toEqual([])
      expect(tornTails).toHaveLength(1)
      const got = accountOf(await eventsIn(one.dir))
      expect(isBeginning(got), `byte ${at}`).toBe(true)
      expect(got.length, `byte ${at}`).toBeLessThan(expected.length)
    }
  })

  test('with a batch dropped, doubled or moved gives only what comes before it', async () => {
    const bytes = await readFile(await tailOf(dead))
    const start = 12 + bytes.readUInt32BE(8)
    const batches: Buffer[] = []
    for (let at = start; at < bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at) + 16
      batches.push(bytes.subarray(at, end))
      at = end
    }
    expect(batches).toHaveLength(6)
    const orders = [
      [1, 2, 3, 4, 5],
      [0, 2, 3, 4, 5],
      [0, 0, 1, 2, 3, 4, 5],
      [0, 1, 3, 2, 4, 5],
      [5, 4, 3, 2, 1, 0],
    ]
    for (const order of orders) {
      const one = await copied(dead)
      await writeFile(await tailOf(one), Buffer.concat([bytes.subarray(0, start), ...order.map(i => batches[i]!)]))
      expect((await recover(one.dir)).tornTails).toHaveLength(1)
      const got = accountOf(await eventsIn(one.dir))
      const genuine = order.findIndex((batch, i) => batch !== i)
      expect(got.filter(line => line.includes('select')).length, order.join()).toBe(genuine)
      expect(isBeginning(got)).toBe(true)
    }
  })

  test('R1: whose recording is gone is set aside as it is: the last account of its reads', async () => {
    const one = await copied(dead)
    const tail = await readFile(await tailOf(one))
    const [recording = ''] = await namesIn(one.folder, '.dbrec')
    await unlink(join(one.folder, recording))
    const { missing, tornTails } = await recover(one.dir)
    expect(missing).toEqual([recording.replace('.dbrec', '')])
    expect(tornTails).toHaveLength(1)
    expect(await readFile(tornTails[0] ?? '')).toEqual(tail)
    expect(await recover(one.dir)).toMatchObject({ tornTails: [] })
    expect(await readFile(tornTails[0] ?? '')).toEqual(tail)
  })

  test('R1: that was taken away is missed', async () => {
    const one = await copied(dead)
    const tail = await tailOf(one)
    await unlink(tail)
    const { left, recovered } = await recover(one.dir)
    expect(left).toEqual([{ place: tail, why: expect.stringContaining('was written and is gone') }])
    expect(recovered).toMatchObject([{ tailEntries: 0 }])
    expect(await recover(one.dir)).toMatchObject({ left: [], recovered: [] })
  })

  test('R1: cut to nothing is set aside and told, as one cut elsewhere is', async () => {
    const one = await copied(dead)
    await writeFile(await tailOf(one), '')
    expect((await recover(one.dir)).tornTails).toHaveLength(1)
    expect(accountOf(await eventsIn(one.dir))).toEqual([])
  })

  test('of another boot, or of another number, is none', async () => {
    const other = await killedAfter([intent(1, "select 'other'")])
    const foreign = await copied(dead)
    await writeFile(await tailOf(foreign), await readFile(await tailOf(other)))
    expect((await recover(foreign.dir)).tornTails).toHaveLength(1)
    expect(accountOf(await eventsIn(foreign.dir))).toEqual([])

    const renumbered = await copied(dead)
    await cp(await tailOf(renumbered), join(renumbered.folder, '000002.tail'))
    expect((await recover(renumbered.dir)).tornTails).toHaveLength(1)
    expect(accountOf(await eventsIn(renumbered.dir))).toEqual(expected)
  })

  test('without the key stays as it is, with the recordings it belongs to', async () => {
    const one = await copied(dead)
    const tail = await readFile(await tailOf(one))
    expect(await recover(one.dir, { kek: Buffer.alloc(32, 9) })).toMatchObject({ recovered: [], tornTails: [] })
    expect(await readFile(await tailOf(one))).toEqual(tail)
    expect((await recover(one.dir)).recovered).toMatchObject([{ tailEntries: expected.length }])
    expect(accountOf(await eventsIn(one.dir))).toEqual(expected)
  })

  test('whose key can not be had now keeps its recordings from being ended without it', async () => {
    const one = await copied(dead)
    const away: KeyEncryption = { ...keys, unwrap: () => Promise.reject(new Error('key service away')) }
    const { left, recovered } = await recover(one.dir, { kek: { ...away, wrap: localKeys(KEK, Buffer.alloc).wrap } })
    expect(recovered).toEqual([])
    expect(left).toEqual([{ place: one.folder, why: 'key service away' }])
    await recover(one.dir)
    expect(accountOf(await eventsIn(one.dir))).toEqual(expected)
  })
})

describe('R4, I8: what is in a tail', () => {
  test('is nowhere in clear', async () => {
    const text = (await readFile(await tailOf(dead))).toString('latin1')
    expect(text).not.toMatch(/select|literal|value-|agents-read|orders/)
  })

  test('is gone with the VALUE key, recovered or not', async () => {
    const { dir, folder } = await copied(dead)
    await destroyValues(join(folder, (await namesIn(folder, '.dbrec'))[0] ?? ''))
    expect(await recover(dir)).toMatchObject({ recovered: [{ tailEntries: expected.length }] })
    const events = await eventsIn(dir)
    expect(JSON.stringify(events)).not.toMatch(/literal-|again/)
    expect(events.filter(event => event.kind === 'intent')).toMatchObject(
      [1, 2, 3, 4, 5, 6].map(statement => ({
        statement,
        sql: { text: null, redacted: expect.stringContaining("'?'") },
      })),
    )
  })

  test('with parameters asked for is told with them', async () => {
    const { dir } = await killedAfter(reads, { parameters: 'encrypted' })
    await recover(dir)
    const values = (await eventsIn(dir)).flatMap(event =>
      event.kind === 'intent' ? event.params.map(({ value }) => Buffer.from(value ?? []).toString()) : [],
    )
    expect(values).toEqual(['value-1', 'value-3', 'value-5'])
  })
})

describe('a tail in use', () => {
  test('is gone after a clean end, and there while a session was left open', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir))
    const [left, ended] = [await recorder.record(opening()), await recorder.record(opening())]
    for (const entry of reads) await ended.append(entry)
    await ended.close('client-left')
    await left.append(intent(1, "select 'left'"))
    await recorder.close()
    expect(await namesIn(join(dir, recorder.boot), '.tail')).toHaveLength(1)
    await expect(left.close('shutdown')).rejects.toMatchObject({ code: 'WRITE_FAILED' })

    const clean = await fileRecorder(optionsFor(dir))
    const session = await clean.record(opening())
    for (const entry of reads) await session.append(entry)
    await session.close('client-left')
    await clean.close()
    expect(await namesIn(join(dir, clean.boot), '.tail')).toEqual([])
  })

  test('is followed by another when it has grown, and goes when all in it is in frames', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { quotaBytes: 2 ** 30 }))
    const session = await recorder.record(opening())
    const filler = 'x'.repeat(4_000)
    const numbers = new Set<string>()
    for (let n = 1; n <= 4_000; n++) {
      await session.append(intent(n, `select ${n} -- ${filler}`))
      if (n % 20 === 0) {
        await new Promise(resolve => setImmediate(resolve))
        for (const name of await namesIn(join(dir, recorder.boot), '.tail')) numbers.add(name)
      }
    }
    expect(numbers.size).toBeGreaterThan(2)
    await expect.poll(() => namesIn(join(dir, recorder.boot), '.tail'), { timeout: 5_000 }).toHaveLength(1)
    await session.close('client-left')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE' }])
    expect(accountOf(await eventsIn(dir))).toHaveLength(4_000)
  })
})
