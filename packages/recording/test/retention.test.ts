import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@querywarden/policy-core'
import { describe, expect, test } from 'vitest'
import {
  type FileRecorder,
  type FileRecorderOptions,
  fileRecorder,
  keepRetention,
  localKeys,
  type RetentionOptions,
  readInstanceLog,
  readRecording,
  verifyDirectory,
} from '../src/index.ts'
import { clockStanding } from '../src/sinks/clock-standing.ts'
import { KEK, opening, optionsFor, sampleEntries, temporaryDir } from './fixtures.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const START = Date.UTC(2030, 0, 1)
const keys = localKeys(KEK, count => Buffer.alloc(count))
const never = () => new Promise<void>(() => undefined)

/** A wall clock that is set by hand. */
function settable(): Clock & { at: number } {
  const clock = { at: START, now: () => clock.at, monotonic: () => performance.now() }
  return clock
}

interface Scene {
  readonly dir: string
  readonly clock: ReturnType<typeof settable>
  readonly recorder: FileRecorder
  readonly pass: () => ReturnType<ReturnType<typeof keepRetention>['pass']>
  readonly record: () => Promise<void>
  /** Days go by, with something recorded each other day, as it is where people work. */
  readonly live: (days: number) => Promise<void>
  readonly files: (suffix: string) => Promise<readonly string[]>
  readonly verdicts: () => Promise<readonly object[]>
}

async function scene(more: Partial<RetentionOptions> = {}, options: Partial<FileRecorderOptions> = {}): Promise<Scene> {
  const [dir, clock] = [await temporaryDir(), settable()]
  const recorder = await fileRecorder(optionsFor(dir, { clock, ...options }))
  const retention = keepRetention({
    dir,
    boot: recorder.boot,
    recordingsMs: 40 * DAY_MS,
    valuesMs: 9 * DAY_MS,
    onlyStored: false,
    account: recorder.account,
    clock,
    sleep: never,
    onPass: () => undefined,
    ...more,
  })
  const record = async (): Promise<void> => {
    const session = await recorder.record(opening())
    for (const entry of sampleEntries) await session.append(entry)
    await session.close('client-terminated')
  }
  return {
    dir,
    clock,
    recorder,
    pass: retention.pass,
    record,
    live: async days => {
      for (const end = clock.at + days * DAY_MS; clock.at < end; ) {
        clock.at += Math.min(2 * DAY_MS, end - clock.at)
        await recorder.account({ kind: 'setting', name: 'policy', digest: String(clock.at) })
      }
    },
    files: async suffix => (await readdir(join(dir, recorder.boot))).filter(name => name.endsWith(suffix)),
    verdicts: async () => (await verifyDirectory(dir, { keys })).recordings.map(({ verdict }) => verdict),
  }
}

const kindsIn = async ({ dir, recorder }: Pick<Scene, 'dir' | 'recorder'>): Promise<readonly string[]> =>
  (await readInstanceLog([await readFile(join(dir, recorder.boot, 'instance.log'))])).entries.map(
    ({ entry }) => entry.kind,
  )

describe('by age, values first', () => {
  test('nothing young; then the key of the values; then the recording, which is no loss', async () => {
    const { dir, record, live, pass, files, verdicts, recorder } = await scene()
    await record()
    await live(8)
    expect(await pass()).toEqual({ retired: [], shredded: [], kept: [], held: null, failure: null })
    await live(1)
    const [name = ''] = await files('.dbrec')
    expect(await pass()).toMatchObject({ shredded: [name.replace('.dbrec', '')], retired: [] })
    expect(await files('.values')).toEqual([])
    expect(await verdicts()).toMatchObject([{ kind: 'COMPLETE' }])
    for await (const event of readRecording(join(dir, recorder.boot, name), { kek: KEK })) {
      if (event.kind === 'intent') expect(event.sql.text).toBeNull()
    }
    await live(30)
    expect(await pass()).toMatchObject({ retired: [] })
    await live(1)
    expect(await pass()).toMatchObject({ retired: [name.replace('.dbrec', '')], shredded: [], failure: null })
    expect(await files('.dbrec')).toEqual([])
    expect(await verdicts()).toMatchObject([{ kind: 'MISSING' }])
    expect((await kindsIn({ dir, recorder })).filter(kind => /shredded|retired/.test(kind))).toEqual([
      'shredded',
      'retired',
    ])
    expect(await pass()).toMatchObject({ retired: [], shredded: [] })
    await recorder.close()
  })

  test('without an age nothing is removed, and values go with the recording at the latest', async () => {
    const forever = await scene({ recordingsMs: null, valuesMs: null })
    await forever.record()
    await forever.live(400)
    expect(await forever.pass()).toMatchObject({ retired: [], shredded: [] })
    await forever.recorder.close()
    const together = await scene({ recordingsMs: 10 * DAY_MS, valuesMs: null })
    await together.record()
    await together.live(10)
    expect(await together.pass()).toMatchObject({ retired: [expect.any(String)] })
    expect(await together.files('.values')).toEqual([])
    await together.recorder.close()
  })
})

describe('what stays', () => {
  test('a session in progress, however old', async () => {
    const { recorder, live, pass, files } = await scene()
    const session = await recorder.record(opening())
    await live(400)
    expect(await pass()).toMatchObject({ retired: [], shredded: [], kept: [] })
    expect(await files('.dbrec')).toHaveLength(1)
    expect(await files('.values')).toHaveLength(1)
    await session.close('client-left')
    await recorder.close()
  })

  test.each<[string, (file: string) => Promise<void>, RegExp]>([
    ['one that was cut', async file => truncate(file, (await readFile(file)).length - 40), /is not what|tampered/],
    [
      'one that was changed',
      async file => {
        const bytes = await readFile(file)
        bytes[bytes.length - 300] = (bytes[bytes.length - 300] ?? 0) ^ 1
        await writeFile(file, bytes)
      },
      /tampered/,
    ],
  ])('evidence: %s', async (_, change, why) => {
    const { dir, recorder, record, live, pass, files } = await scene()
    await record()
    const [name = ''] = await files('.dbrec')
    await change(join(dir, recorder.boot, name))
    await live(50)
    expect(await pass()).toMatchObject({ retired: [], kept: [{ why: expect.stringMatching(why) }] })
    expect(await files('.dbrec')).toEqual([name])
    await recorder.close()
  })

  test('what is not stored elsewhere yet, where it is to be', async () => {
    const { recorder, record, live, pass, files } = await scene({ onlyStored: true })
    await record()
    await live(50)
    expect(await pass()).toMatchObject({ retired: [], kept: [{ why: 'it is not stored elsewhere yet' }] })
    const [name = ''] = await files('.dbrec')
    const head = { frames: 1, chain: Buffer.alloc(32) }
    const stored = { kind: 'stored', recording: name.replace('.dbrec', ''), head, place: 's3://b' } as const
    await recorder.account({ ...stored, digest: Buffer.alloc(32) })
    expect(await pass()).toMatchObject({ retired: [name.replace('.dbrec', '')] })
    await recorder.close()
  })

  test('everything, where the log can not be written first', async () => {
    const account = async (): Promise<void> => {
      throw new Error('disk')
    }
    const { recorder, record, live, pass, files } = await scene({ account })
    await record()
    await live(50)
    expect(await pass()).toMatchObject({ retired: [], failure: 'an error within the gateway' })
    expect(await files('.dbrec')).toHaveLength(1)
    expect(await files('.values')).toHaveLength(1)
    await recorder.close()
  })

  test('R5: what was said and not done before a kill is done, and not said again', async () => {
    const { dir, recorder, record, live, pass, files } = await scene()
    await record()
    const [name = ''] = await files('.dbrec')
    await live(50)
    const { entries } = await readInstanceLog([await readFile(join(dir, recorder.boot, 'instance.log'))])
    const closed = entries.map(({ entry }) => entry).find(entry => entry.kind === 'closed')
    if (closed?.kind !== 'closed') throw new Error('not closed')
    await recorder.account({
      kind: 'retired',
      recording: closed.recording,
      head: closed.head,
      why: 'older than 40 days',
    })
    expect(await pass()).toMatchObject({ retired: [name.replace('.dbrec', '')] })
    expect(await files('.dbrec')).toEqual([])
    expect((await kindsIn({ dir, recorder })).filter(kind => kind === 'retired')).toHaveLength(1)
    await recorder.close()
  })

  test('all logs, and what another process that lives has written', async () => {
    const { dir, clock, recorder, pass, live } = await scene()
    const other = await fileRecorder(optionsFor(dir, { clock }))
    const session = await other.record(opening())
    await session.close('client-left')
    await live(50)
    expect(await pass()).toMatchObject({ retired: [] })
    await other.close()
    expect(await pass()).toMatchObject({ retired: [expect.any(String)] })
    expect(await readdir(join(dir, other.boot))).toEqual(['instance.log'])
    await recorder.close()
  })
})

describe('F30: a clock that jumps ahead', () => {
  test('removes nothing for a day, and the log says that it was held', async () => {
    const { dir, clock, recorder, record, pass, files } = await scene()
    await record()
    clock.at += 500 * DAY_MS
    for (let hour = 0; hour < 24; hour++) {
      const report = await pass()
      expect(report).toMatchObject({ retired: [], shredded: [], held: { kind: 'jumped', from: START } })
      clock.at += HOUR_MS
    }
    expect(await files('.dbrec')).toHaveLength(1)
    expect((await kindsIn({ dir, recorder })).filter(kind => kind === 'setting')).toHaveLength(1)
    expect(await pass()).toMatchObject({ held: null, retired: [expect.any(String)] })
    await recorder.close()
  })

  test('and a restart within that day does not make it believed', async () => {
    const first = await scene()
    await first.record()
    await first.recorder.close()
    const clock = settable()
    clock.at += 500 * DAY_MS
    for (let start = 0; start < 3; start++) {
      const recorder = await fileRecorder(optionsFor(first.dir, { clock }))
      const { pass } = keepRetention({
        dir: first.dir,
        boot: recorder.boot,
        recordingsMs: DAY_MS,
        valuesMs: null,
        onlyStored: false,
        account: recorder.account,
        clock,
        sleep: never,
        onPass: () => undefined,
      })
      expect(await pass()).toMatchObject({ held: { kind: 'jumped' }, retired: [] })
      await recorder.close()
      clock.at += 2 * HOUR_MS
    }
    expect(await first.files('.dbrec')).toHaveLength(1)
  })

  test('one that goes back makes nothing old', async () => {
    const { clock, recorder, record, pass } = await scene()
    await record()
    clock.at -= 500 * DAY_MS
    expect(await pass()).toMatchObject({ retired: [], shredded: [], held: null })
    await recorder.close()
  })
})

describe('whether a clock is believed', () => {
  const hours = (...days: readonly number[]): ReadonlySet<number> => new Set(days.map(day => day * 24))
  test.each<[string, ReadonlySet<number>, number, string]>([
    ['nothing known', hours(), 100, 'believed'],
    ['each day', hours(1, 2, 3), 4, 'believed'],
    ['a quiet week', hours(1), 8, 'believed'],
    ['a quiet fortnight', hours(1), 15, 'jumped'],
    ['a gap that ended just now', hours(1, 15), 15.5, 'jumped'],
    ['a gap that ended a day ago', hours(1, 15), 16, 'believed'],
    ['a gap long ago', hours(1, 50, 51, 55), 58, 'believed'],
    ['times to come are not looked at', hours(1, 2, 900), 3, 'believed'],
  ])('%s', (_, known, day, kind) => {
    expect(clockStanding(known, day * DAY_MS).kind).toBe(kind)
  })
})
