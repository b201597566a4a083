import type { Entry } from '@querywarden/policy-core'
import { afterEach, describe, expect, test } from 'vitest'
import {
  fileRecorder,
  listRecordings,
  readRecording,
  type Storage,
  type TailFile,
  verifyDirectory,
} from '../src/index.ts'
import { change, done, intent, KEK, opening, optionsFor, temporaryDir } from './fixtures.ts'

/** What a disk does, and when. */
interface Disk {
  /** Commits of recordings and of the tail wait until it is let go. */
  held: boolean
  tailWrite: 'well' | 'ENOSPC' | 'EIO' | 'slowly'
  tailSync: 'well' | 'EIO'
  tailWrites: number
  tailSyncs: number
  nowMs: number
}

const fault = (code: string): Error => Object.assign(new Error(code), { code })

const opened: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map(one => one.close()))
})

async function start(more: { readonly sleep?: (ms: number) => Promise<void> } = {}) {
  const dir = await temporaryDir()
  const disk: Disk = { held: false, tailWrite: 'well', tailSync: 'well', tailWrites: 0, tailSyncs: 0, nowMs: 0 }
  const waiting: (() => void)[] = []
  const turn = async (): Promise<void> => {
    if (disk.held) await new Promise<void>(resolve => waiting.push(resolve))
  }
  const tailOver = (file: TailFile): TailFile => ({
    ...file,
    writeNow: bytes => {
      disk.tailWrites++
      if (disk.tailWrite === 'slowly') disk.nowMs += 21
      if (disk.tailWrite === 'ENOSPC' || disk.tailWrite === 'EIO') throw fault(disk.tailWrite)
      file.writeNow(bytes)
    },
    sync: async () => {
      disk.tailSyncs++
      await turn()
      if (disk.tailSync === 'EIO') throw fault('EIO')
      await file.sync()
    },
  })
  const storage = (folder: Storage): Storage => ({
    ...folder,
    create: async (name, bytes) => {
      const file = await folder.create(name, bytes)
      return name.endsWith('.dbrec') ? { ...file, sync: () => turn().then(file.sync) } : file
    },
    createTail: async (name, bytes) => {
      if (folder.createTail === undefined) throw new TypeError('a folder has tails')
      return tailOver(await folder.createTail(name, bytes))
    },
  })
  const clock = { now: () => Date.now(), monotonic: () => disk.nowMs }
  const recorder = await fileRecorder(optionsFor(dir, { storage, clock, ...more }))
  const session = await recorder.record(opening())
  const letGo = (): void => {
    disk.held = false
    for (const resolve of waiting.splice(0)) resolve()
  }
  opened.push({ close: async () => letGo() }, { close: () => session.close('shutdown') }, recorder)
  return { dir, disk, recorder, session, letGo }
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
  for (let i = 0; i < 5; i++) await Promise.resolve()
  return isTaken
}

async function statementsIn(dir: string): Promise<readonly number[]> {
  const statements: number[] = []
  for (const { file } of await listRecordings(dir)) {
    for await (const event of readRecording(file ?? '', { kek: KEK })) {
      if (event.kind === 'intent') statements.push(event.statement)
    }
  }
  return statements
}

describe('R5: what waits for the disk, and what for the kernel alone', () => {
  test('a read, a setting and the ends of a transaction are taken at once; the kernel has each by then', async () => {
    const { disk, session } = await start()
    disk.held = true
    const light: readonly Entry[] = [
      intent(1, 'select 1'),
      intent(2, "set application_name = 'x'", { effects: ['session'] }),
      intent(3, 'begin', { effects: ['transaction'] }),
    ]
    for (const [index, entry] of light.entries()) {
      expect(await isTakenAtOnce(session.append(entry))).toBe(true)
      expect(disk.tailWrites).toBe(index + 1)
    }
    expect(await isTakenAtOnce(session.append(done(1)))).toBe(true)
    expect(disk.tailWrites).toBe(3)
  })

  const heavy: readonly (readonly [string, Entry])[] = [
    ...(['write', 'ddl', 'dcl', 'procedural', 'maintenance', 'external', 'unknown'] as const).map(
      effect => [effect, intent(2, 'select 1', { effects: ['read', effect] })] as const,
    ),
    ['no effect at all', intent(2, 'select 1', { effects: [] })],
    ['an approval', intent(2, 'select 1', { approval: 'r' })],
    ['an approve rule', intent(2, 'select 1', { decision: 'approve' })],
    ['a very long text', intent(2, `select '${'x'.repeat(20_000)}'`)],
    [
      'a very long parameter',
      intent(2, 'select $1', { params: [{ typeOid: 25, format: 'text', value: 'x'.repeat(20_000) }] }),
    ],
    ['an incident', { kind: 'incident', statement: null, code: 'X', message: 'x' }],
    ['a cancel', { kind: 'cancel-requested', statement: null }],
  ]
  test.each(heavy)('%s waits for the disk, and the reads before it are there then too', async (_, entry) => {
    const { dir, disk, session, letGo } = await start()
    await session.append(intent(1, 'select 1'))
    disk.held = true
    const appended = session.append(entry)
    expect(await isTakenAtOnce(appended)).toBe(false)
    letGo()
    await appended
    expect(await statementsIn(dir)).toEqual(entry.kind === 'intent' ? [1, 2] : [1])
  })

  test('in the strict tier a read waits too', async () => {
    const dir = await temporaryDir()
    const recorder = await fileRecorder(optionsFor(dir, { durability: 'strict' }))
    const session = await recorder.record(opening())
    const appended = session.append(intent(1, 'select 1'))
    expect(await isTakenAtOnce(appended)).toBe(false)
    await appended
    expect(await statementsIn(dir)).toEqual([1])
    await session.close('client-left')
    await recorder.close()
  })

  test('so it does where the storage has no tail', async () => {
    const dir = await temporaryDir()
    const storage = ({ place, freeBytes, create }: Storage): Storage => ({ place, freeBytes, create })
    const recorder = await fileRecorder(optionsFor(dir, { storage }))
    const session = await recorder.record(opening())
    const appended = session.append(intent(1, 'select 1'))
    expect(await isTakenAtOnce(appended)).toBe(false)
    await appended
    await session.append(done(1))
    await session.close('client-left')
    await recorder.close()
    expect((await verifyDirectory(dir, { keys: null })).recordings).toMatchObject([{ verdict: { frames: 4 } }])
  })

  test('a read and its outcome are on the disk within the window, one sync for all sessions, and an idle recorder sleeps', async () => {
    const sleeps: number[] = []
    let wake: (() => void)[] = []
    const sleep = (ms: number): Promise<void> =>
      new Promise(resolve => {
        if (ms >= 1_000) return
        sleeps.push(ms)
        wake.push(resolve)
      })
    const { disk, recorder, session } = await start({ sleep })
    const others = await Promise.all(Array.from({ length: 9 }, () => recorder.record(opening())))
    expect(sleeps).toEqual([])
    for (const one of [session, ...others]) {
      await one.append(intent(1, 'select 1'))
      await one.append(done(1))
    }
    expect(disk.tailSyncs).toBe(0)
    expect(sleeps.sort()).toEqual([5, 50].sort())
    while (wake.length > 0) {
      for (const resolve of wake.splice(0)) resolve()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    expect(disk.tailSyncs).toBe(1)
    // Nothing is left to do: no timer for an idle session.
    expect(wake).toEqual([])
    wake = []
  })
})

/** Nobody looks at the disk again. */
const withoutBeat = (ms: number): Promise<void> =>
  ms < 1_000 ? new Promise(resolve => setTimeout(resolve, ms)) : new Promise(() => undefined)

describe('F10, F12: the tail fails', () => {
  test.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EIO', 'WRITE_FAILED'],
  ] as const)(
    '%s while writing refuses the entry and all later statements of every session, and opens none',
    async (system, code) => {
      const { dir, disk, recorder, session } = await start({ sleep: withoutBeat })
      const other = await recorder.record(opening({ session: 's-2' }))
      await session.append(intent(1, 'select 1'))
      disk.tailWrite = system
      await expect(session.append(intent(2, 'select 2'))).rejects.toMatchObject({ code })
      disk.tailWrite = 'well'
      for (const entry of [intent(3, 'select 3'), change(3, 'update t set a = 1')]) {
        await expect(session.append(entry)).rejects.toMatchObject({ code })
        await expect(other.append(entry)).rejects.toMatchObject({ code })
      }
      await expect(recorder.record(opening())).rejects.toMatchObject({ code })
      // What was taken before is not lost: its recording's own file can still be written.
      await session.close('recorder-failed')
      expect((await statementsIn(dir)).slice(0, 1)).toEqual([1])
    },
  )

  test('a failed sync is never tried again, and shows on the next entry of every session', async () => {
    const { disk, recorder, session } = await start()
    const other = await recorder.record(opening({ session: 's-2' }))
    disk.tailSync = 'EIO'
    await session.append(intent(1, 'select 1'))
    await expect.poll(() => disk.tailSyncs).toBe(1)
    disk.tailSync = 'well'
    await expect(other.append(intent(1, 'select 1'))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await expect(session.append(intent(2, 'select 2'))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    expect(disk.tailSyncs).toBe(1)
  })
})

describe('F11: a disk that is slow', () => {
  test('O1: one write that blocks is the last that could: reads wait for their own file until a commit was quick', async () => {
    const { disk, session } = await start()
    disk.tailWrite = 'slowly'
    await session.append(intent(1, 'select 1'))
    disk.tailWrite = 'well'
    const writes = disk.tailWrites
    const second = session.append(intent(2, 'select 2'))
    expect(await isTakenAtOnce(second)).toBe(false)
    expect(disk.tailWrites).toBe(writes)
    await second
    expect(await isTakenAtOnce(session.append(intent(3, 'select 3')))).toBe(true)
  })

  test('a commit under way for long makes reads wait, one for over two seconds refuses them; then all is well again', async () => {
    const { dir, disk, recorder, session, letGo } = await start()
    disk.held = true
    const write = session.append(change(1, 'update t set a = 1'))
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(await isTakenAtOnce(session.append(intent(2, 'select 2')))).toBe(true)

    disk.nowMs += 101
    const waits = session.append(intent(3, 'select 3'))
    expect(await isTakenAtOnce(waits)).toBe(false)

    disk.nowMs += 1_900
    expect(recorder.lagMs()).toBeGreaterThan(2_000)
    const refusal = {
      code: 'DISK_SLOW',
      message: expect.stringContaining('nothing new is taken until it has caught up'),
    }
    await expect(session.append(intent(4, 'select 4'))).rejects.toMatchObject(refusal)
    await expect(session.append(change(5, 'update t set a = 1'))).rejects.toMatchObject(refusal)
    await expect(recorder.record(opening())).rejects.toMatchObject(refusal)
    // What was let run is still accounted for.
    expect(await isTakenAtOnce(session.append(done(2)))).toBe(true)

    letGo()
    await Promise.all([write, waits])
    await expect.poll(() => recorder.lagMs()).toBe(0)
    await expect.poll(() => isTakenAtOnce(session.append(intent(6, 'select 6')))).toBe(true)
    await (await recorder.record(opening({ session: 's-2' }))).close('client-left')
    await session.close('client-left')
    expect([...new Set(await statementsIn(dir))]).toEqual([1, 2, 3, 6])
  })
})
