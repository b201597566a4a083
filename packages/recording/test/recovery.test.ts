import { cp, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  fileRecorder,
  localKeys,
  type RecoveryReport,
  readRecording,
  type Verdict,
  verifyDirectory,
} from '../src/index.ts'
import { done, intent, KEK, opening, optionsFor, temporaryDir } from './fixtures.ts'

/** A boot that died with a session open: its folder, with a lock of a process that is no more. */
interface Dead {
  readonly dir: string
  readonly boot: string
  readonly name: string
  readonly bytes: Buffer
}

let dead: Dead

beforeAll(async () => {
  const dir = await temporaryDir()
  const recorder = await fileRecorder(optionsFor(dir, { durability: 'strict' }))
  const session = await recorder.record(opening())
  for (let n = 1; n <= 3; n++) {
    await session.append(intent(n, `select ${n}`))
    await session.append(done(n))
  }
  const folder = join(dir, recorder.boot)
  const copy = join(await temporaryDir(), 'copy')
  await cp(folder, join(copy, recorder.boot), { recursive: true })
  const lock = join(copy, recorder.boot, 'lock')
  const [, , world] = (await readFile(lock, 'utf8')).split('\n')
  await writeFile(lock, `999999999\n1\n${world}\n`)
  const name = (await readdir(folder)).find(file => file.endsWith('.dbrec')) ?? ''
  dead = { dir: copy, boot: recorder.boot, name, bytes: await readFile(join(folder, name)) }
  await session.close('shutdown')
  await recorder.close()
})

const verdictsOf = async (dir: string): Promise<readonly Verdict[]> =>
  (await verifyDirectory(dir, { keys: localKeys(KEK, count => Buffer.alloc(count)) })).recordings.map(
    ({ verdict }) => verdict,
  )

/** The dead boot's folder with other bytes in its recording. */
async function deadWith(bytes: Uint8Array): Promise<{ readonly dir: string; readonly file: string }> {
  const dir = await temporaryDir()
  await cp(dead.dir, dir, { recursive: true })
  const file = join(dir, dead.boot, dead.name)
  await writeFile(file, bytes)
  return { dir, file }
}

async function recover(dir: string, kek: Uint8Array = KEK): Promise<RecoveryReport> {
  const recorder = await fileRecorder(optionsFor(dir, { kek }))
  await recorder.close()
  return recorder.recovery
}

function frameEnds(file: Buffer): readonly number[] {
  const ends: number[] = []
  for (let at = 12 + file.readUInt32BE(8); at < file.length; ) {
    at += 4 + file.readUInt32BE(at)
    ends.push(at)
  }
  return ends
}

describe('R2, F24: recovery', () => {
  test('at torn lengths all over the file ends the recording after its last whole frame and keeps the torn bytes', async () => {
    const ends = frameEnds(dead.bytes)
    const [first = 0] = ends
    const lengths = Array.from({ length: dead.bytes.length - first + 1 }, (_, i) => first + i)
    for (const length of lengths.filter(at => at % 29 === 0 || ends.some(end => Math.abs(end - at) <= 1))) {
      const { dir, file } = await deadWith(dead.bytes.subarray(0, length))
      const { recovered, left } = await recover(dir)
      const frames = ends.filter(end => end <= length).length
      const whole = ends[frames - 1] ?? 0
      expect(left).toEqual([])
      expect(recovered).toMatchObject([{ frames: frames + 1, discardedBytes: length - whole }])
      const torn = recovered[0]?.tornFile ?? null
      if (length === whole) expect(torn).toBeNull()
      else expect(await readFile(torn ?? '')).toEqual(dead.bytes.subarray(whole, length))
      expect((await readFile(file)).subarray(0, whole)).toEqual(dead.bytes.subarray(0, whole))
      const verdict = { kind: 'TORN', frames: frames + 1, anchoredFrames: frames + 1, bytes: length - whole }
      expect(await verdictsOf(dir)).toMatchObject([{ ...verdict, recovered: { boot: expect.any(String) } }])
      expect(await recover(dir)).toEqual({ recovered: [], confirmed: [], left: [], missing: [], tornTails: [] })
    }
  })

  test('takes a tail of zeros, as some file systems leave, for torn', async () => {
    const { dir } = await deadWith(Buffer.concat([dead.bytes, Buffer.alloc(300)]))
    expect((await recover(dir)).recovered).toMatchObject([{ frames: 8, discardedBytes: 300 }])
  })

  test('takes a frame that never reached the disk in full for torn, though its length is right', async () => {
    const bytes = Buffer.from(dead.bytes)
    bytes.fill(0, bytes.length - 40)
    const { dir } = await deadWith(bytes)
    expect((await recover(dir)).recovered).toMatchObject([{ frames: 7 }])
  })

  test('says what it did, to those who read the recording', async () => {
    const { dir, file } = await deadWith(dead.bytes.subarray(0, dead.bytes.length - 3))
    await recover(dir)
    const kinds: string[] = []
    for await (const event of readRecording(file, { kek: KEK })) kinds.push(event.kind)
    expect(kinds.at(-1)).toBe('recovered')
    expect(kinds.filter(kind => kind === 'intent')).toHaveLength(3)
  })

  test('that was itself cut short is done again', async () => {
    const { dir, file } = await deadWith(dead.bytes)
    await recover(dir)
    const recovered = await readFile(file)
    for (const cut of [1, 20, recovered.length - dead.bytes.length - 1]) {
      const again = await deadWith(recovered.subarray(0, recovered.length - cut))
      expect((await recover(again.dir)).recovered).toMatchObject([{ frames: 8 }])
      expect(await verdictsOf(again.dir)).toMatchObject([{ kind: 'TORN', frames: 8 }])
    }
    const whole = await deadWith(recovered)
    expect((await recover(whole.dir)).confirmed).toHaveLength(1)
    expect(await verdictsOf(whole.dir)).toMatchObject([{ kind: 'TORN', frames: 8, anchoredFrames: 8 }])
  })

  test('R2: shorter than the log knows it is tampering: left untouched, and reported', async () => {
    const { dir, file } = await deadWith(dead.bytes)
    const head = 12 + dead.bytes.readUInt32BE(8)
    await truncate(file, head + 10)
    const report = await recover(dir)
    expect(report).toMatchObject({ recovered: [], left: [{ place: file, why: expect.stringContaining('tampered') }] })
    expect((await readFile(file)).length).toBe(head + 10)
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'TAMPERED', firstBadSeq: 0 }])
  })

  test('reports a recording that is gone', async () => {
    const { dir, file } = await deadWith(dead.bytes)
    await rm(file)
    expect((await recover(dir)).missing).toEqual([dead.name.replace('.dbrec', '')])
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'MISSING' }])
  })

  test('without the right key touches nothing, and the next start with it does', async () => {
    const { dir, file } = await deadWith(dead.bytes)
    expect(await recover(dir, Buffer.alloc(32, 9))).toMatchObject({
      recovered: [],
      left: [{ place: file, why: expect.stringContaining("doesn't open this recording") }],
    })
    expect(await readFile(file)).toEqual(dead.bytes)
    expect((await recover(dir)).recovered).toHaveLength(1)
  })

  test('by several starts at once happens once', async () => {
    const { dir } = await deadWith(dead.bytes)
    const reports = await Promise.all([recover(dir), recover(dir), recover(dir), recover(dir)])
    expect(reports.flatMap(report => report.recovered)).toHaveLength(1)
    expect(await verdictsOf(dir)).toMatchObject([{ kind: 'TORN', frames: 8 }])
  })

  test('leaves a boot of another machine alone until its lock has gone stale', async () => {
    const { dir } = await deadWith(dead.bytes)
    const lock = join(dir, dead.boot, 'lock')
    await writeFile(lock, '1\n1\nanother machine\n')
    expect((await recover(dir)).left).toHaveLength(1)
    const longAgo = Date.now() / 1_000 - 120
    await utimes(lock, longAgo, longAgo)
    expect((await recover(dir)).recovered).toHaveLength(1)
  })

  test('passes over a folder that is no boot', async () => {
    const { dir } = await deadWith(dead.bytes)
    await mkdir(join(dir, 'lost+found'))
    expect((await recover(dir)).recovered).toHaveLength(1)
  })
})
