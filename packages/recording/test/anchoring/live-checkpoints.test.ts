import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type AnchorState,
  type CheckpointEvent,
  type CheckpointOptions,
  type CheckpointSigner,
  type FileRecorder,
  type FileRecorderOptions,
  fileRecorder,
  folderAnchor,
  folderAnchorSource,
  parseVerifierKey,
  readAnchors,
  readInstanceLog,
  rootOf,
  type Storage,
} from '../../src/index.ts'
import { change, done, intent, opening, optionsFor, sampleEntries, temporaryDir } from '../fixtures.ts'
import { checkpointIn, leavesOf, newSigner, testAnchor } from './anchoring-fixtures.ts'
import { type VirtualTime, virtualTime } from './virtual-time.ts'

const MINUTE = 60_000

interface World {
  readonly dir: string
  readonly time: VirtualTime
  readonly signer: CheckpointSigner
  readonly events: CheckpointEvent[]
  readonly recorder: FileRecorder
  readonly file: (name: string) => string
  readonly state: () => AnchorState
}

async function open(
  anchors: CheckpointOptions['anchors'],
  more: Partial<FileRecorderOptions> & { readonly signer?: CheckpointSigner; readonly graceMs?: number } = {},
): Promise<World> {
  const { signer = newSigner(), graceMs = 15 * MINUTE, ...options } = more
  const [dir, time, events] = [await temporaryDir(), virtualTime(), [] as CheckpointEvent[]]
  const recorder = await fileRecorder(
    optionsFor(dir, {
      clock: time.clock,
      sleep: time.sleep,
      storage: time.storage,
      checkpoints: { signer, anchors, everyMs: 5_000, graceMs, report: event => events.push(event) },
      ...options,
    }),
  )
  const file = (name: string): string => join(dir, recorder.boot, name)
  return { dir, time, signer, events, recorder, file, state: () => recorder.anchors()[0]! }
}

/** Lets time pass, in small steps, until something is done. */
async function within<T>({ time }: Pick<World, 'time'>, doing: Promise<T>): Promise<T> {
  let isDone = false
  const noted = doing.finally(() => {
    isDone = true
  })
  noted.catch(() => undefined)
  while (!isDone) await time.pass(5)
  return noted
}

const close = (world: World): Promise<void> => within(world, world.recorder.close())

async function recordSample(world: World): Promise<void> {
  const session = await within(world, world.recorder.record(opening()))
  for (const entry of sampleEntries) await within(world, session.append(entry))
  await within(world, session.close('client-terminated'))
}

describe('checkpoints', () => {
  test('R1: vouch for every frame of a log that was closed, its STOP included', async () => {
    const anchors = await temporaryDir()
    const world = await open([folderAnchor(anchors)])
    await recordSample(world)
    await close(world)
    const leaves = await leavesOf(world.file('instance.log'))
    const { logs, refused } = await readAnchors(
      [folderAnchorSource(anchors)],
      [parseVerifierKey(world.signer.verifierKey)],
    )
    const heads = logs.get(world.recorder.boot) ?? []
    expect(refused).toEqual([])
    expect(heads.at(-1)).toEqual({
      size: leaves.length,
      root: rootOf(leaves),
      anchor: `folder ${anchors}`,
      witnesses: [],
    })
    for (const { size, root } of heads) expect(root).toEqual(rootOf(leaves.slice(0, size)))
    const local = checkpointIn(await readFile(world.file('checkpoint'), 'utf8'), world.signer)
    expect(local).toMatchObject({ origin: `${world.signer.name}/${world.recorder.boot}`, size: leaves.length })
  })

  test('are announced by the second entry of the log, with the key that they verify under', async () => {
    const world = await open([])
    await close(world)
    const { entries } = await readInstanceLog([await readFile(world.file('instance.log'))])
    expect(entries.map(({ entry }) => entry.kind)).toEqual(['boot', 'signer', 'stop'])
    expect(entries[1]?.entry).toEqual({
      kind: 'signer',
      origin: `${world.signer.name}/${world.recorder.boot}`,
      verifierKey: world.signer.verifierKey,
    })
  })

  test('are made where the log has grown, and only there', async () => {
    const anchor = testAnchor()
    const world = await open([anchor])
    await expect.poll(() => anchor.kept.map(({ size }) => size)).toEqual([2])
    await world.time.pass(MINUTE)
    expect(anchor.kept).toHaveLength(1)
    const session = await within(world, world.recorder.record(opening()))
    await world.time.pass(5_000)
    await expect.poll(() => anchor.kept.at(-1)?.size).toBeGreaterThan(2)
    await within(world, session.close('client-left'))
    await close(world)
    const sizes = anchor.kept.map(({ size }) => size)
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b))
    expect(sizes.at(-1)).toBe((await leavesOf(world.file('instance.log'))).length)
  })

  test('vouch for nothing that is not on the disk yet', async () => {
    const anchor = testAnchor()
    let release = (): void => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    let isHeld = false
    const storage = (folder: Storage): Storage => ({
      ...folder,
      create: async (name, bytes) => {
        const file = await folder.create(name, bytes)
        if (name !== 'instance.log') return file
        return { ...file, sync: () => (isHeld ? held.then(() => file.sync()) : file.sync()) }
      },
    })
    const world = await open([anchor], { storage })
    await expect.poll(() => anchor.kept.map(({ size }) => size)).toEqual([2])
    isHeld = true
    const opened = world.recorder.record(opening())
    await expect.poll(async () => (await leavesOf(world.file('instance.log'))).length).toBeGreaterThan(2)
    await world.time.pass(20_000)
    expect(anchor.kept.map(({ size }) => size)).toEqual([2])
    isHeld = false
    release()
    const session = await opened
    await world.time.pass(5_000)
    await expect.poll(() => anchor.kept.at(-1)?.size).toBeGreaterThan(2)
    await within(world, session.close('client-left'))
    await close(world)
  })

  test('that an anchor could not keep are skipped for the newest', async () => {
    const anchor = testAnchor('fail')
    const world = await open([anchor])
    await expect.poll(() => anchor.tries).toBe(1)
    for (let i = 0; i < 3; i++) {
      const session = await within(world, world.recorder.record(opening()))
      await within(world, session.close('client-left'))
      await world.time.pass(5_000)
    }
    await expect.poll(() => world.state()).toMatchObject({ size: 0, failure: 'it is out of reach' })
    const before = (await leavesOf(world.file('instance.log'))).length
    anchor.mode = 'serve'
    await world.time.pass(35_000)
    await expect.poll(() => anchor.kept.map(({ size }) => size)).toEqual([before])
    expect(world.state()).toMatchObject({ size: before, lagMs: 0, failure: null })
    expect(world.state().failures).toBeGreaterThan(1)
    expect(world.events).toEqual([
      { kind: 'failed', place: 'test place', why: 'it is out of reach' },
      { kind: 'recovered', place: 'test place' },
    ])
    await close(world)
  })

  test('that an anchor never answers about hold up neither sessions nor other anchors nor the end', async () => {
    const [stuck, well] = [testAnchor('hang'), testAnchor()]
    const world = await open([stuck, well])
    await recordSample(world)
    await world.time.pass(10_000)
    await close(world)
    expect(well.kept.at(-1)?.size).toBe((await leavesOf(world.file('instance.log'))).length)
    expect(stuck.kept).toEqual([])
  })

  test('wait for a signer without holding up anybody, and say so', async () => {
    const [anchor, real] = [testAnchor(), newSigner()]
    let isDown = true
    const signer: CheckpointSigner = {
      ...real,
      sign: text => (isDown ? Promise.reject(new Error('the key is locked away')) : real.sign(text)),
    }
    const world = await open([anchor], { signer })
    await recordSample(world)
    await world.time.pass(20_000)
    expect(anchor.kept).toEqual([])
    expect(world.state()).toMatchObject({ size: 0, failure: 'the key is locked away', failures: 0 })
    expect(world.state().lagMs).toBeGreaterThanOrEqual(20_000)
    isDown = false
    await world.time.pass(5_000)
    await expect.poll(() => anchor.kept.length).toBe(1)
    expect(world.state()).toMatchObject({ lagMs: 0, failure: null })
    expect(world.events).toEqual([
      { kind: 'failed', place: 'signer', why: 'the key is locked away' },
      { kind: 'recovered', place: 'signer' },
    ])
    await close(world)
  })
})

describe.each(['standard', 'strict'] as const)('F13: in the %s tier an anchor that is out of reach', durability => {
  const graceMs = durability === 'strict' ? MINUTE : 15 * MINUTE

  test('holds nobody up for its grace, then lets nothing new begin, and then goes on', async () => {
    const anchor = testAnchor('fail')
    const world = await open([anchor], { durability, graceMs })
    const session = await within(world, world.recorder.record(opening()))
    await within(world, session.append(change(1, 'update orders set x = 1')))
    await world.time.pass(graceMs - 1_000)
    await within(world, session.append(change(2, 'update orders set x = 2')))
    await within(world, session.append(intent(3, 'select 1')))
    await world.time.pass(2_000)

    const refusal = {
      name: 'RecordingError',
      code: 'ANCHOR_BEHIND',
      message: expect.stringMatching(
        /^anchor test place is behind since 2026-01-01T00:00:\d\d\.\d{3}Z: it is out of reach; it may be for \d+ s, and no session opens and no statement begins until it is reached again: see to it, or take it out/,
      ),
    }
    await expect(world.recorder.record(opening())).rejects.toMatchObject(refusal)
    await expect(session.append(change(4, 'update orders set x = 4'))).rejects.toMatchObject(refusal)
    await expect(session.append(intent(5, 'select 5'))).rejects.toMatchObject(refusal)
    // What was let run goes on and is accounted for.
    await within(world, session.append(done(2)))
    await within(world, session.append({ kind: 'incident', statement: null, code: 'X', message: 'y' }))
    expect(world.events.map(({ kind }) => kind)).toEqual(['failed', 'overdue'])

    anchor.mode = 'serve'
    await world.time.pass(35_000)
    await expect.poll(() => world.state().failure).toBeNull()
    await within(world, session.append(change(6, 'update orders set x = 6')))
    await within(world, session.append(intent(7, 'select 7')))
    const other = await within(world, world.recorder.record(opening()))
    await within(world, other.close('client-left'))
    await within(world, session.close('client-left'))
    await close(world)
    expect(world.events.map(({ kind }) => kind)).toEqual(['failed', 'overdue', 'recovered'])
  })

  test('counts though another one is well, and though it only hangs', async () => {
    const world = await open([testAnchor(), testAnchor('hang')], { durability, graceMs })
    const session = await within(world, world.recorder.record(opening()))
    await world.time.pass(graceMs + 10_000)
    await expect(session.append(intent(1, 'select 1'))).rejects.toMatchObject({ code: 'ANCHOR_BEHIND' })
    await within(world, session.close('client-left'))
    await close(world)
  })

  test('counts from when the log grew: where nothing happens nothing is behind', async () => {
    const anchor = testAnchor()
    const world = await open([anchor], { durability, graceMs })
    await expect.poll(() => anchor.kept.length).toBe(1)
    anchor.mode = 'fail'
    await world.time.pass(3 * graceMs)
    const session = await within(world, world.recorder.record(opening()))
    await within(world, session.append(intent(1, 'select 1')))
    await within(world, session.close('client-left'))
    await close(world)
  })
})
