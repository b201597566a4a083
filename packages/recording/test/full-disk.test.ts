import { describe, expect, test } from 'vitest'
import { type FileRecorder, fileRecorder, localKeys, verifyDirectory } from '../src/index.ts'
import { SimulatedDisk } from './crashes/simulated-disk.ts'
import { Chance, VirtualTime } from './crashes/virtual-time.ts'
import { change, done, intent, KEK, opening } from './writer-fixtures.ts'

const DIR = '/recordings'

/** A recorder on a simulated disk, and what tells how its promises come out when time goes on. */
async function start(reserveBytes: number) {
  const time = new VirtualTime()
  const chance = new Chance(1)
  const disk = new SimulatedDisk(chance, time)
  const files = disk.start(null)
  let ids = 0
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false
    const seen = promise.finally(() => {
      isSettled = true
    })
    seen.catch(() => undefined)
    await time.until(() => isSettled, 10_000)
    if (!isSettled) throw new Error('it hangs')
    return seen
  }
  const recorder: FileRecorder = await settle(
    fileRecorder({
      dir: DIR,
      files,
      kek: KEK,
      durability: 'standard',
      parameters: 'digests',
      quotaBytes: 1_000_000,
      freeBytesMin: 0,
      reserveBytes,
      clock: time.clock,
      sleep: time.sleep,
      randomBytes: count => chance.bytes(count),
      newId: () => `id-${String(ids++).padStart(4, '0')}`,
      instance: 'test',
    }),
  )
  const verdicts = async () => {
    const found = await settle(verifyDirectory(DIR, { files, keys: localKeys(KEK, Buffer.alloc) }))
    expect(found.logs.map(({ state }) => state.kind)).toEqual(['sound'])
    return found.recordings.map(({ verdict }) => verdict.kind)
  }
  const wait = (ms: number): Promise<void> => time.until(() => false, ms)
  return { disk, recorder, settle, verdicts, wait, files }
}

const FULL = { code: 'DISK_FULL', message: expect.stringContaining('free space there') }

describe('F10, R3: the disk is full', () => {
  test('what was let run is accounted for and closed in what was reserved for it, and the reserve comes back', async () => {
    const { disk, recorder, settle, verdicts, wait, files } = await start(16_384)
    const session = await settle(recorder.record(opening()))
    await settle(session.append(change(1, 'update t set a = 1')))
    await wait(3_000)
    disk.faults.capacity = disk.used
    await settle(session.append(done(1)))
    await settle(session.append({ kind: 'incident', statement: 1, code: 'X', message: 'x' }))
    await settle(session.close('client-left'))
    expect(await verdicts()).toEqual(['COMPLETE'])
    const names = async () => (await settle(files.readFolder(`${DIR}/${recorder.boot}`))).map(({ name }) => name)
    expect(await names()).not.toContain('reserve')
    disk.faults.capacity = null
    await wait(2_000)
    expect(await names()).toContain('reserve')
    await settle(recorder.close())
    expect(await names()).not.toContain('reserve')
  })

  test('with the reserve used up sessions end, and recording goes on without a restart once there is space', async () => {
    const { disk, recorder, settle, verdicts, wait } = await start(0)
    const [ended, other] = [await settle(recorder.record(opening())), await settle(recorder.record(opening()))]
    await settle(ended.append(change(1, 'update t set a = 1')))
    await settle(other.append(intent(1, 'select 1')))
    // Room for the frame that closes one of them, and a part of what the log says of it.
    disk.faults.capacity = disk.used + 200
    await expect(settle(ended.close('client-left'))).rejects.toMatchObject(FULL)
    await expect(settle(other.append(change(2, 'update t set a = 2')))).rejects.toMatchObject(FULL)
    await expect(settle(recorder.record(opening()))).rejects.toMatchObject(FULL)
    await wait(60_000)
    await expect(settle(recorder.record(opening()))).rejects.toMatchObject(FULL)

    disk.faults.capacity = null
    await wait(1_500)
    const session = await settle(recorder.record(opening()))
    await settle(session.append(change(1, 'update t set a = 1')))
    await settle(session.append(done(1)))
    await settle(session.close('client-left'))
    await settle(other.close('client-left').catch(() => undefined))
    await settle(recorder.close())
    // Of the one that was ended nothing is missing either, though nobody was told so.
    expect(await verdicts()).toContain('COMPLETE')
    expect((await verdicts()).filter(kind => kind === 'COMPLETE').length).toBeGreaterThanOrEqual(2)
  })

  test('for good: the recorder ends with an error, and does not hang', async () => {
    const { disk, recorder, settle } = await start(0)
    const session = await settle(recorder.record(opening()))
    disk.faults.capacity = disk.used + 200
    await expect(settle(session.close('client-left'))).rejects.toMatchObject(FULL)
    await expect(settle(recorder.close())).rejects.toMatchObject({ code: 'DISK_FULL' })
  })
})
