import { closeSync, openSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Entry } from '@querywarden/policy-core'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type FileRecorderOptions,
  fileRecorder,
  listRecordings,
  localKeys,
  readRecording,
  type Storage,
  verifyDirectory,
} from '../src/index.ts'
import { change, done, intent, KEK, opening, optionsFor, temporaryDir } from './fixtures.ts'

const keys = localKeys(KEK, count => Buffer.alloc(count))

/** What the disk does from now on. */
interface Disk {
  /** The system's name for how making a tail fails, or null. */
  making: string | null
  writing: string | null
  syncing: string | null
  freeBytes: number | null
  tailsTried: number
}

const fault = (code: string): Error => Object.assign(new Error(code), { code })

const opened: { readonly close: () => Promise<void> }[] = []
afterEach(async () => {
  await Promise.allSettled(opened.splice(0).map(one => one.close()))
})

/** A recorder whose disk fails as it is told to, and looks at it when it is told to. */
async function start(faults: Partial<Disk> = {}, more: Partial<FileRecorderOptions> = {}) {
  const dir = await temporaryDir()
  const disk: Disk = { making: null, writing: null, syncing: null, freeBytes: null, tailsTried: 0, ...faults }
  const storage = (folder: Storage): Storage => ({
    ...folder,
    freeBytes: async () => disk.freeBytes ?? (await folder.freeBytes()),
    createTail: async (name, bytes) => {
      disk.tailsTried++
      if (disk.making !== null) throw fault(disk.making)
      const file = await folder.createTail!(name, bytes)
      return {
        ...file,
        writeNow: batch => {
          if (disk.writing !== null) throw fault(disk.writing)
          file.writeNow(batch)
        },
        sync: async () => {
          if (disk.syncing !== null) throw fault(disk.syncing)
          await file.sync()
        },
      }
    },
  })
  let wake = (): void => undefined
  const plain = optionsFor(dir).sleep
  const sleep = (ms: number): Promise<void> =>
    ms < 1_000
      ? plain(ms)
      : new Promise(resolve => {
          wake = resolve
        })
  const recorder = await fileRecorder(optionsFor(dir, { storage, sleep, ...more }))
  opened.push({ close: () => recorder.close() })
  const beat = async (): Promise<void> => {
    const before = wake
    wake()
    await expect.poll(() => wake !== before).toBe(true)
  }
  return { dir, disk, recorder, beat, folder: join(dir, recorder.boot) }
}

async function kindsIn(dir: string): Promise<readonly (readonly string[])[]> {
  const all: string[][] = []
  for (const { file } of await listRecordings(dir)) {
    const kinds: string[] = []
    for await (const event of readRecording(file ?? '', { kek: KEK })) kinds.push(event.kind)
    all.push(kinds)
  }
  return all
}

const verdictsOf = async (dir: string) => (await verifyDirectory(dir, { keys })).recordings.map(one => one.verdict)
const incident: Entry = { kind: 'incident', statement: 1, code: 'X', message: 'x' }

describe('F12, F24: the tail fails while statements run', () => {
  test.each([
    ['writing', 'WRITE_FAILED'],
    ['syncing', 'SYNC_FAILED'],
  ] as const)('%s: what was let run keeps its outcome in its own file, and verify says suspect', async (step, code) => {
    const { dir, disk, recorder } = await start()
    const session = await recorder.record(opening())
    const other = await recorder.record(opening({ session: 's-2' }))
    await session.append(change(1, 'update public.orders set note = 1'))
    await session.append(intent(2, 'select 1'))
    disk[step] = 'EIO'
    const read = () =>
      other.append(intent(1, 'select 1')).then(
        () => 'taken',
        refusal => refusal.code,
      )
    await expect.poll(read).toBe(code)
    await expect(recorder.record(opening())).rejects.toMatchObject({ code })

    await session.append(done(1))
    await session.append(incident)
    await session.append({ kind: 'cancel-requested', statement: 2 })
    // In the very frame that was acknowledged: on the disk, not in memory.
    expect((await kindsIn(dir))[0]).toEqual([
      'opened',
      'intent',
      'intent',
      'completion',
      'incident',
      'cancel-requested',
      'broken-off',
    ])
    await session.append({ kind: 'completion', statement: 2, completion: { kind: 'unknown', why: 'recorder failed' } })
    await expect(session.append(intent(3, 'select 1'))).rejects.toMatchObject({ code })
    await expect(session.append(change(3, 'update t set a = 1'))).rejects.toMatchObject({ code })
    await session.close('recorder-failed')
    await other.close('recorder-failed')
    await recorder.close()
    expect((await kindsIn(dir))[0]?.slice(-2)).toEqual(['completion', 'closed'])
    expect((await verdictsOf(dir)).slice(0, 2)).toMatchObject([
      { kind: 'COMPLETE', suspect: true },
      { kind: 'COMPLETE', suspect: true },
    ])
  })

  test('F10: sessions that open once it works again record in a tail of their own; those from before stay ended', async () => {
    const { dir, disk, recorder, beat } = await start()
    const before = await recorder.record(opening())
    await before.append(intent(1, 'select 1'))
    disk.writing = 'ENOSPC'
    await expect(before.append(intent(2, 'select 2'))).rejects.toMatchObject({ code: 'DISK_FULL' })
    disk.making = 'ENOSPC'
    await beat()
    await expect(recorder.record(opening())).rejects.toMatchObject({ code: 'DISK_FULL' })

    disk.writing = null
    disk.making = null
    await beat()
    const after = await recorder.record(opening({ session: 's-2' }))
    await after.append(intent(1, 'select 1'))
    await after.append(done(1))
    await expect(before.append(intent(3, 'select 3'))).rejects.toMatchObject({ code: 'DISK_FULL' })
    await before.append(done(1))
    await before.close('recorder-failed')
    await after.close('client-left')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([
      { kind: 'COMPLETE', suspect: true },
      { kind: 'COMPLETE', suspect: false },
    ])
  })

  test('a failed tail is not written or synced again, and stays until its entries are in frames', async () => {
    const { disk, recorder, beat, folder } = await start()
    const session = await recorder.record(opening())
    await session.append(intent(1, 'select 1'))
    disk.writing = 'EIO'
    await expect(session.append(intent(2, 'select 2'))).rejects.toMatchObject({ code: 'WRITE_FAILED' })
    disk.writing = null
    disk.syncing = 'EIO'
    await beat()
    const after = await recorder.record(opening())
    await session.append(done(1))
    // The failed one was not synced: else the new one had failed with it.
    await after.append(change(1, 'update t set a = 1'))
    disk.syncing = null
    await after.append(intent(2, 'select 2'))
    await session.close('recorder-failed')
    await after.close('client-left')
    await recorder.close()
    expect((await readdir(folder)).filter(name => name.endsWith('.tail'))).toEqual([])
  })
})

describe('F10: a tail can not be made', () => {
  test('descriptors that ran out are named as such, and once there are some again sessions open', async () => {
    const recorder = await fileRecorder(optionsFor(await temporaryDir()))
    opened.push(recorder)
    const taken: number[] = []
    const takeAll = (): void => {
      for (;;) taken.push(openSync('/dev/null', 'r'))
    }
    expect(takeAll).toThrow('EMFILE')
    const refused = await recorder.record(opening()).catch((error: unknown) => error)
    for (const descriptor of taken) closeSync(descriptor)
    expect(refused).toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining('(EMFILE): raise the limit'),
    })
    const session = await recorder.record(opening())
    await session.append(intent(1, 'select 1'))
    await session.close('client-left')
  })

  test.each(['EMFILE', 'ENOSPC'])('%s at the first: reads wait for their own file, until it can', async code => {
    const { dir, disk, recorder, beat, folder } = await start({ making: code })
    const session = await recorder.record(opening())
    await session.append(intent(1, 'select 1'))
    await session.append(done(1))
    await session.append(change(2, 'update t set a = 1'))
    await session.append(done(2))
    expect((await kindsIn(dir))[0]?.slice(0, 4)).toEqual(['opened', 'intent', 'completion', 'intent'])
    const tails = async () => (await readdir(folder)).filter(name => name.endsWith('.tail'))
    expect(await tails()).toEqual([])
    disk.making = null
    await beat()
    await expect.poll(tails).toHaveLength(1)
    await session.append(intent(3, 'select 3'))
    await session.append(done(3))
    const other = await recorder.record(opening({ session: 's-2' }))
    await session.close('client-left')
    await other.close('client-left')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([
      { kind: 'COMPLETE', suspect: false },
      { kind: 'COMPLETE', suspect: false },
    ])
    expect(disk.tailsTried).toBe(2)
  })

  test('EMFILE at a next one: the old one goes on, and it is tried again at the next look, not at each write', async () => {
    const { dir, disk, recorder, beat } = await start({}, { quotaBytes: 2 ** 30 })
    const session = await recorder.record(opening())
    disk.making = 'EMFILE'
    const filler = 'x'.repeat(8_000)
    let n = 0
    const more = async (count: number): Promise<void> => {
      for (const end = n + count; n < end; ) {
        await session.append(intent(++n, `select ${n} -- ${filler}`))
        if (n % 50 === 0) await new Promise(resolve => setImmediate(resolve))
      }
    }
    await more(1_000)
    expect(disk.tailsTried).toBe(2)
    disk.making = null
    await beat()
    await expect.poll(() => disk.tailsTried).toBe(3)
    await more(50)
    await session.close('client-left')
    await recorder.close()
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'COMPLETE', suspect: false }])
    expect((await kindsIn(dir))[0]?.filter(kind => kind === 'intent')).toHaveLength(1_050)
  })
})

describe('F10: too little free space', () => {
  test('found at a look lets no statement begin, in any session, until there is enough again', async () => {
    const { dir, disk, recorder, beat } = await start({ freeBytes: 2_000 }, { freeBytesMin: 1_000 })
    const session = await recorder.record(opening())
    await session.append(change(1, 'update t set a = 1'))
    disk.freeBytes = 999
    await beat()
    // Nor is any written in the instance log, that all depend on.
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'OPEN', frames: 2, anchoredFrames: 1 }])
    const full = { code: 'DISK_FULL', message: expect.stringContaining('999 bytes free') }
    await expect(session.append(intent(2, 'select 2'))).rejects.toMatchObject(full)
    await expect(session.append(change(2, 'update t set a = 1'))).rejects.toMatchObject(full)
    await session.append(done(1))
    disk.freeBytes = 1_000
    await beat()
    await expect.poll(() => verdictsOf(dir)).toMatchObject([{ anchoredFrames: 2 }])
    await session.append(intent(2, 'select 2'))
    await session.append(done(2))
    await session.close('client-left')
    await recorder.close()
    expect(await kindsIn(dir)).toEqual([['opened', 'intent', 'completion', 'intent', 'completion', 'closed']])
  })
})
