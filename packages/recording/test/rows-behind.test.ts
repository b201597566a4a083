import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Entry } from '@querywarden/policy-core'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import {
  fileRecorder,
  listRecordings,
  localKeys,
  type RecordedEvent,
  readRecording,
  type Storage,
  verifyDirectory,
} from '../src/index.ts'
import { done, intent, KEK, opening, optionsFor, temporaryDir } from './fixtures.ts'
import { rowsOf } from './rows-fixtures.ts'

/** A disk on which nothing of a recording is that wasn't synced. Held, it syncs nothing until it is let go. */
interface Disk {
  held: boolean
  failing: boolean
  nowMs: number
}

const opened: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map(one => one.close()))
})

async function start(durability: 'standard' | 'strict' = 'standard') {
  const dir = await temporaryDir()
  const disk: Disk = { held: false, failing: false, nowMs: 0 }
  const waiting: (() => void)[] = []
  const storage = (folder: Storage): Storage => ({
    ...folder,
    create: async (name, bytes) => {
      const file = await folder.create(name, bytes)
      if (!name.endsWith('.dbrec')) return file
      const unsynced: Uint8Array[] = []
      return {
        ...file,
        write: async more => {
          unsynced.push(Buffer.from(more))
          return more.length
        },
        sync: async () => {
          const now = unsynced.splice(0)
          if (disk.held) await new Promise<void>(resolve => waiting.push(resolve))
          if (disk.failing) throw Object.assign(new Error('EIO'), { code: 'EIO' })
          for (const more of now) await file.write(more)
          await file.sync()
        },
      }
    },
  })
  const clock = { now: () => Date.now(), monotonic: () => disk.nowMs }
  const recorder = await fileRecorder(optionsFor(dir, { durability, storage, clock, quotaBytes: 2 ** 30 }))
  const session = await recorder.record(opening())
  const letGo = (): void => {
    disk.held = false
    for (const resolve of waiting.splice(0)) resolve()
  }
  opened.push({ close: async () => letGo() }, { close: () => session.close('shutdown') }, recorder)
  return { dir, boot: recorder.boot, disk, session, letGo }
}

/** Whether a promise is settled without the event loop having turned. */
async function isTakenAtOnce(promise: Promise<void>): Promise<boolean> {
  let isTaken = false
  promise.then(
    () => {
      isTaken = true
    },
    () => undefined,
  )
  for (let i = 0; i < 10; i++) await Promise.resolve()
  return isTaken
}

/** What the next start finds if the machine goes down now. */
async function afterCrash(dir: string, boot: string): Promise<readonly RecordedEvent[]> {
  const copy = await temporaryDir()
  await cp(dir, copy, { recursive: true })
  const lock = join(copy, boot, 'lock')
  const [, , world] = (await readFile(lock, 'utf8')).split('\n')
  await writeFile(lock, `999999999\n1\n${world}\n`)
  const next = await fileRecorder(optionsFor(copy))
  await next.close()
  const { recordings } = await verifyDirectory(copy, { keys: localKeys(KEK, count => Buffer.alloc(count)) })
  expect(recordings).toMatchObject([{ verdict: { kind: 'TORN' } }])
  const events: RecordedEvent[] = []
  for await (const event of readRecording((await listRecordings(copy))[0]?.file ?? '', { kek: KEK })) events.push(event)
  return events
}

describe('R5: rows and outcomes after a crash', () => {
  const size = fc.constantFrom(10, 3_000, 7_000, 40_000, 400_000)
  const step = fc.record({
    sizes: fc.array(size, { maxLength: 4 }),
    held: fc.boolean(),
    /** Something that has a frame of its own comes between rows and outcome. */
    interrupted: fc.boolean(),
    waitMs: fc.constantFrom(0, 0, 15, 60),
  })

  test.each(['standard', 'strict'] as const)(
    'an outcome is never readable without all rows before it: %s',
    async durability => {
      let outcomes = 0
      let cut = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 6 }), async steps => {
          const { dir, boot, disk, session, letGo } = await start(durability)
          const given: number[] = []
          const settled: Promise<unknown>[] = []
          for (const [index, { sizes, held, interrupted, waitMs }] of steps.entries()) {
            if (held) disk.held = true
            else letGo()
            const statement = index + 1
            const entries: Entry[] = [intent(statement, 'select a from t')]
            let first = 0
            for (const bytes of sizes) {
              const rows = rowsOf(statement, bytes, { first, columns: null })
              entries.push(rows)
              first += rows.rows
            }
            if (interrupted) entries.push({ kind: 'cancel-requested', statement })
            given.push(first)
            for (const entry of [...entries, done(statement)])
              settled.push(session.append(entry).catch(() => undefined))
            await wait(waitMs)
          }
          await wait(10)
          const events = await afterCrash(dir, boot)
          letGo()
          await Promise.all(settled)
          const rows = new Map<number, number>()
          const ended = new Set<number>()
          for (const event of events) {
            if (event.kind === 'rows') {
              expect(event.first).toBe(rows.get(event.statement) ?? 0)
              rows.set(event.statement, event.first + event.rows)
            }
            if (event.kind === 'completion') {
              expect(rows.get(event.statement) ?? 0).toBe(given[event.statement - 1])
              ended.add(event.statement)
              outcomes++
            }
            // All that came before a statement that was let run is there too.
            if (event.kind === 'intent') expect([...ended]).toHaveLength(event.statement - 1)
          }
          if (ended.size < given.length) cut++
        }),
        { numRuns: 25 },
      )
      expect(outcomes).toBeGreaterThan(10)
      expect(cut).toBeGreaterThan(3)
    },
  )

  test('strict: where an outcome is acknowledged its rows are on the disk', async () => {
    const { dir, boot, session } = await start('strict')
    await session.append(intent(1, 'select a from t'))
    await session.append(rowsOf(1, 5_000))
    const rows = rowsOf(1, 500_000, { first: 5, columns: null })
    await session.append(rows)
    await session.append(done(1))
    const events = await afterCrash(dir, boot)
    expect(events.reduce((sum, event) => sum + (event.kind === 'rows' ? event.rows : 0), 0)).toBe(5 + rows.rows)
    expect(events.some(({ kind }) => kind === 'completion')).toBe(true)
  })
})

describe('F11: a session that is ahead of its disk', () => {
  test.each(['standard', 'strict'] as const)(
    'waits from a mebibyte on, holds no more in memory, and goes on when the disk has caught up: %s',
    async durability => {
      const { disk, session, letGo } = await start(durability)
      disk.held = true
      let handedOver = 0
      let last: Promise<void>
      for (;;) {
        const rows = rowsOf(1, 60_000, { first: handedOver, columns: null })
        last = session.append(rows)
        handedOver += rows.frames.length
        if (!(await isTakenAtOnce(last))) break
      }
      // What is being written, and a mebibyte.
      expect(handedOver).toBeGreaterThan(900_000)
      expect(handedOver).toBeLessThan(2 * 1_048_576 + 61_000)
      await wait(50)
      expect(await isTakenAtOnce(last)).toBe(false)
      letGo()
      await last
      expect(await isTakenAtOnce(session.append(rowsOf(1, 60_000, { columns: null })))).toBe(true)
    },
  )

  test.each([
    ['rows', 40_000],
    ['few rows', 40],
  ] as const)('waits for a disk that is 100 ms behind, however little it is: %s', async (_, bytes) => {
    const { disk, session, letGo } = await start()
    disk.held = true
    expect(await isTakenAtOnce(session.append(rowsOf(1, 40_000)))).toBe(true)
    await wait(20)
    disk.nowMs += 99
    expect(await isTakenAtOnce(session.append(rowsOf(1, bytes, { columns: null })))).toBe(true)
    disk.nowMs += 2
    const late = session.append(rowsOf(1, bytes, { columns: null }))
    expect(await isTakenAtOnce(late)).toBe(false)
    // What becomes of a statement is not held up by its rows.
    expect(await isTakenAtOnce(session.append(done(1)))).toBe(true)
    letGo()
    await late
  })

  test('notices wait as rows do', async () => {
    const { disk, session, letGo } = await start()
    disk.held = true
    const notice = (): Promise<void> =>
      session.append({
        kind: 'notice',
        statement: 1,
        notice: { severity: 'NOTICE', sqlstate: '00000', message: 'x'.repeat(2_000), constraint: null },
      })
    let taken = 0
    let last = notice()
    while (await isTakenAtOnce(last)) {
      taken++
      last = notice()
    }
    expect(taken).toBeGreaterThan(500)
    expect(taken).toBeLessThan(2_400)
    letGo()
    await last
  })

  test('F12: that fails meanwhile is told so', async () => {
    const { disk, session, letGo } = await start()
    disk.held = true
    let last: Promise<void>
    do last = session.append(rowsOf(1, 200_000, { columns: null }))
    while (await isTakenAtOnce(last))
    disk.failing = true
    letGo()
    await expect(last).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await expect(session.append(rowsOf(1, 10))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
  })
})
