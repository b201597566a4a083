import type { Entry } from '@querywarden/policy-core'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type AppendFile,
  type FileRecorderOptions,
  fileRecorder,
  listRecordings,
  type Storage,
  verifyDirectory,
} from '../src/index.ts'
import { change, done, opening, optionsFor, temporaryDir } from './fixtures.ts'

/** What the disk does from now on. */
interface Disk {
  write: 'well' | 'short' | 'ENOSPC' | 'EIO' | 'nothing'
  sync: 'well' | 'EIO'
  syncs: number
  /** What still fits on a full disk. */
  room: number
  writesAfterFault: number
}

const fault = (code: string): Error => Object.assign(new Error(code), { code })

const faultyFile = (file: AppendFile, disk: Disk): AppendFile => ({
  write: bytes => {
    if (disk.sync === 'EIO' && disk.syncs > 0) disk.writesAfterFault++
    switch (disk.write) {
      case 'well':
        return file.write(bytes)
      case 'short':
        return file.write(bytes.subarray(0, Math.max(1, Math.floor(bytes.length / 3))))
      case 'nothing':
        return Promise.resolve(0)
      case 'ENOSPC':
        // The disk takes what still fits, then refuses.
        if (disk.room === 0) return Promise.reject(fault('ENOSPC'))
        disk.room -= 7
        return file.write(bytes.subarray(0, 7))
      case 'EIO':
        return Promise.reject(fault('EIO'))
    }
  },
  sync: () => {
    if (disk.sync === 'well') return file.sync()
    disk.syncs++
    // As Linux does: the error is told once, and the next fdatasync says all is well.
    return disk.syncs === 1 ? Promise.reject(fault('EIO')) : Promise.resolve()
  },
  close: () => file.close(),
})

function faulty(only: (name: string) => boolean): {
  readonly disk: Disk
  readonly storage: FileRecorderOptions['storage']
} {
  const disk: Disk = { write: 'well', sync: 'well', syncs: 0, room: 7, writesAfterFault: 0 }
  const storage = (folder: Storage): Storage => ({
    ...folder,
    create: async (name, bytes) => {
      const file = await folder.create(name, bytes)
      return only(name) ? faultyFile(file, disk) : file
    },
  })
  return { disk, storage }
}

const isRecording = (name: string): boolean => name.endsWith('.dbrec')

/** Closed after each test, well or not: a session whose disk failed rejects its closing. */
const opened: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map(one => one.close()))
})

async function start(only: (name: string) => boolean = isRecording) {
  const dir = await temporaryDir()
  const { disk, storage } = faulty(only)
  const recorder = await fileRecorder(optionsFor(dir, storage === undefined ? {} : { storage }))
  const session = await recorder.record(opening())
  opened.push({ close: () => session.close('shutdown') }, recorder)
  await session.append(change(1, 'select 1'))
  return { dir, disk, recorder, session }
}

const verdict = async (dir: string) => (await verifyDirectory(dir, { keys: null })).recordings[0]?.verdict

describe('F12: fdatasync fails', () => {
  test('the entry is refused, nothing is synced or written again, and every later entry is refused', async () => {
    const { dir, disk, recorder, session } = await start()
    disk.sync = 'EIO'
    await expect(session.append(change(2, 'select 2'))).rejects.toMatchObject({
      code: 'SYNC_FAILED',
      message: expect.stringMatching(/EIO.*suspect/),
    })
    const later: readonly Entry[] = [change(3, 'select 3'), done(2), { kind: 'cancel-requested', statement: null }]
    for (const entry of later) await expect(session.append(entry)).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await expect(session.close('recorder-failed')).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    expect(disk).toMatchObject({ syncs: 1, writesAfterFault: 0 })
    expect(await verdict(dir)).toMatchObject({ kind: 'OPEN', suspect: true })
    await recorder.close()
  })

  test('all who waited for the same commit are refused', async () => {
    const { disk, session } = await start()
    disk.sync = 'EIO'
    const appended = await Promise.allSettled([2, 3, 4].map(n => session.append(change(n, 'select 1'))))
    expect(appended.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })

  test('other sessions go on', async () => {
    const { dir, disk, recorder, session } = await start()
    disk.sync = 'EIO'
    await expect(session.append(change(2, 'select 2'))).rejects.toThrow()
    disk.sync = 'well'
    const other = await recorder.record(opening({ session: 's-2' }))
    await other.append(change(1, 'select 1'))
    await other.close('client-left')
    const { recordings } = await verifyDirectory(dir, { keys: null })
    expect(recordings.map(one => one.verdict.kind).sort()).toEqual(['COMPLETE', 'OPEN'])
  })

  test('of the instance log ends all sessions and opens none', async () => {
    const { disk, recorder, session } = await start(name => name === 'instance.log')
    disk.sync = 'EIO'
    await expect(recorder.record(opening({ session: 's-2' }))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await expect(session.append(change(2, 'select 2'))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await expect(recorder.record(opening({ session: 's-3' }))).rejects.toMatchObject({ code: 'SYNC_FAILED' })
  })
})

describe('F10: the disk is full', () => {
  test('the entry is refused with what to do, the session is over, and the next start recovers it', async () => {
    const { dir, disk, session, recorder } = await start()
    disk.write = 'ENOSPC'
    await expect(session.append(change(2, 'select 2'))).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: expect.stringContaining('free space there'),
    })
    disk.write = 'well'
    await expect(session.append(change(3, 'select 3'))).rejects.toMatchObject({ code: 'DISK_FULL' })
    await expect(session.close('recorder-failed')).rejects.toMatchObject({ code: 'DISK_FULL' })
    await recorder.close()
    expect(await verdict(dir)).toMatchObject({ kind: 'TORN', frames: 2, bytes: 7, recovered: null, suspect: true })
  })
})

describe('the disk writes less than asked', () => {
  test('short writes are carried on until all is written', async () => {
    const { dir, disk, session, recorder } = await start()
    disk.write = 'short'
    for (let n = 2; n < 30; n++) {
      await session.append(change(n, `select ${n}`))
      await session.append(done(n))
    }
    await session.close('client-left')
    await recorder.close()
    expect(await verdict(dir)).toMatchObject({ kind: 'COMPLETE', frames: 59 })
  })

  test('a write of nothing is a failure, not a loop', async () => {
    const { disk, session } = await start()
    disk.write = 'nothing'
    await expect(session.append(change(2, 'select 2'))).rejects.toMatchObject({ code: 'WRITE_FAILED' })
  })

  test('a failed outcome in the standard tier shows on the next entry', async () => {
    const { disk, session } = await start()
    disk.write = 'EIO'
    await session.append(done(1))
    await expect(session.append(change(2, 'select 2'))).rejects.toMatchObject({ code: 'WRITE_FAILED' })
    await expect(session.append(change(3, 'select 3'))).rejects.toMatchObject({ code: 'WRITE_FAILED' })
  })
})

describe('R5: what waits for the disk', () => {
  /** A disk that finishes a sync only when told to. */
  async function held(durability: 'standard' | 'strict') {
    const dir = await temporaryDir()
    const pending: (() => void)[] = []
    let isHeld = false
    let running = 0
    let most = 0
    const storage = (folder: Storage): Storage => ({
      ...folder,
      create: async (name, bytes) => {
        const file = await folder.create(name, bytes)
        if (!isRecording(name)) return file
        const sync = async (): Promise<void> => {
          running++
          most = Math.max(most, running)
          if (isHeld) await new Promise<void>(resolve => pending.push(resolve))
          await file.sync()
          running--
        }
        return { ...file, sync }
      },
    })
    const recorder = await fileRecorder(optionsFor(dir, { storage, durability, quotaBytes: 2 ** 30 }))
    const session = await recorder.record(opening())
    opened.push({ close: () => session.close('shutdown') }, recorder)
    isHeld = true
    const release = async (): Promise<void> => {
      isHeld = false
      for (const resolve of pending.splice(0)) resolve()
    }
    return { dir, session, release, most: () => most, recorder, pending }
  }

  const isSettled = async (promise: Promise<void>): Promise<boolean> => {
    const turns = new Promise<'waits'>(resolve => setTimeout(() => resolve('waits'), 300))
    return (await Promise.race([promise, turns])) !== 'waits'
  }

  test('an intent is not acknowledged before its sync has ended, and one sync runs at a time', async () => {
    const { dir, session, release, most, recorder } = await held('standard')
    const first = session.append(change(1, 'select 1'))
    const others = Array.from({ length: 50 }, (_, i) => session.append(change(i + 2, 'select 1')))
    expect(await isSettled(first)).toBe(false)
    await release()
    await Promise.all([first, ...others])
    await session.close('client-left')
    await recorder.close()
    expect(most()).toBe(1)
    expect(await verdict(dir)).toMatchObject({ kind: 'COMPLETE', frames: 53 })
  })

  test('an outcome is awaited in the strict tier alone', async () => {
    const standard = await held('standard')
    expect(await isSettled(standard.session.append(done(1)))).toBe(true)
    await standard.release()
    const strict = await held('strict')
    const waiting = strict.session.append(done(1))
    expect(await isSettled(waiting)).toBe(false)
    await strict.release()
    await waiting
  })

  test('an outcome in the standard tier reaches the disk without another entry', async () => {
    const { dir, session, recorder } = await held('standard').then(async all => {
      await all.release()
      return all
    })
    await session.append(done(1))
    await expect.poll(() => verdict(dir)).toMatchObject({ kind: 'OPEN', frames: 2 })
    expect((await listRecordings(dir))[0]?.logged).toBe('open')
    await session.close('client-left')
    await recorder.close()
  })

  test('outcomes that the disk does not keep up with make the session wait: memory is bounded', async () => {
    const { session, release } = await held('standard')
    let taken = 0
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 20_000; i++) {
        await session.append(done(i))
        taken++
      }
    }
    const flooding = flood()
    await isSettled(flooding)
    expect(await isSettled(flooding)).toBe(false)
    expect(taken).toBeGreaterThan(1_000)
    expect(taken).toBeLessThan(20_000)
    await release()
    await flooding
    expect(taken).toBe(20_000)
  })
})
