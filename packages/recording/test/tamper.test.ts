import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type LogView, localKeys, readLogs, type Verdict, verifyDirectory, verifyRecording } from '../src/index.ts'
import { LOG_TORN_BYTES_MAX } from '../src/verifier/read-log.ts'
import { TORN_BYTES_MAX } from '../src/verifier/verify.ts'
import {
  change,
  done,
  intent,
  KEK,
  type Recorded,
  recordSample,
  refused,
  SAMPLE_FRAMES,
  temporaryDir,
} from './fixtures.ts'
import { secondReader } from './second-reader.ts'

const keys = localKeys(KEK, count => Buffer.alloc(count))
let dir: string
let recorded: Recorded
let original: Buffer
let log: LogView

beforeAll(async () => {
  dir = await temporaryDir()
  recorded = await recordSample(dir, {}, [
    intent(1, 'select 1'),
    done(1),
    refused(2, 'drop table t'),
    change(3, 'update t set a = 1'),
  ])
  original = await readFile(recorded.file)
  log = await readLogs(dir)
})

const withLog = (bytes: Uint8Array): Promise<Verdict> =>
  verifyRecording({ recording: recorded.recording, source: [bytes], log, keys: null })
const alone = (bytes: Uint8Array): Promise<Verdict> =>
  verifyRecording({ recording: recorded.recording, source: [bytes], log: null, keys: null })
const withKey = (bytes: Uint8Array): Promise<Verdict> =>
  verifyRecording({ recording: recorded.recording, source: [bytes], log: null, keys })

/** The frames' places in the file, from the lengths in them. */
function frameRanges(file: Buffer): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = []
  for (let at = 12 + file.readUInt32BE(8); at < file.length; ) {
    const end = at + 4 + file.readUInt32BE(at)
    ranges.push([at, end])
    at = end
  }
  return ranges
}

function assemble(order: readonly number[]): Buffer {
  const ranges = frameRanges(original)
  const header = original.subarray(0, ranges[0]![0])
  return Buffer.concat([header, ...order.map(i => original.subarray(...ranges[i]!))])
}

describe('R1: a recording that was tampered with', () => {
  test('is COMPLETE when it was not, and only with its log', async () => {
    expect(await withLog(original)).toMatchObject({ kind: 'COMPLETE', frames: 5 })
    expect(await alone(original)).toMatchObject({ kind: 'UNANCHORED', frames: 5, since: 0 })
    expect(await withKey(original)).toMatchObject({ kind: 'UNANCHORED', frames: 5 })
  })

  test('every byte, several ways: TAMPERED with the log, and never COMPLETE without', async () => {
    const closeStart = frameRanges(original).at(-1)![0]
    for (let at = 0; at < original.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const bytes = Buffer.from(original)
        bytes[at] = bytes[at]! ^ mask
        expect((await withLog(bytes)).kind, `byte ${at} ^ ${mask}`).toBe('TAMPERED')
        const verdict = await alone(bytes)
        // Nothing comes after the closing frame that could vouch for it, but the log or the key.
        const allowed = at < closeStart ? ['TAMPERED', 'TORN'] : ['TAMPERED', 'TORN', 'UNANCHORED']
        expect(allowed, `byte ${at} ^ ${mask} without log`).toContain(verdict.kind)
      }
    }
  })

  test('with the key the very frame is named, without any log', async () => {
    const ranges = frameRanges(original)
    for (const [seq, [start, end]] of ranges.entries()) {
      for (let at = start + 14; at < end; at++) {
        const bytes = Buffer.from(original)
        bytes[at] = bytes[at]! ^ 1
        const verdict = await withKey(bytes)
        expect(verdict, `byte ${at}`).toMatchObject(
          seq === ranges.length - 1 ? { kind: expect.stringMatching('TAMPERED|TORN') } : { firstBadSeq: seq },
        )
      }
    }
  })

  test('every frame dropped, doubled or swapped with any other', async () => {
    const all = frameRanges(original).map((_, i) => i)
    const orders = all.flatMap(i => [
      all.filter(j => j !== i),
      all.flatMap(j => (j === i ? [j, j] : [j])),
      ...all.filter(j => j > i).map(j => all.map(k => (k === i ? j : k === j ? i : k))),
    ])
    for (const order of orders) {
      expect((await withLog(assemble(order))).kind, order.join()).toBe('TAMPERED')
      expect((await alone(assemble(order))).kind, order.join()).not.toMatch(/COMPLETE|UNANCHORED/)
    }
  })

  test('R2: every cut of the end, with and without the log', async () => {
    for (let length = 0; length < original.length; length++) {
      const bytes = original.subarray(0, length)
      expect((await withLog(bytes)).kind, `cut to ${length}`).toBe('TAMPERED')
      expect((await alone(bytes)).kind, `cut to ${length}`).toMatch(/TAMPERED|TORN|OPEN/)
    }
  })

  test('bytes added after the end', async () => {
    const longer = Buffer.concat([original, Buffer.of(0)])
    expect((await withLog(longer)).kind).toBe('TAMPERED')
    expect((await alone(longer)).kind).toBe('TAMPERED')
  })

  test('another recording in its place', async () => {
    const other = await recordSample(await temporaryDir())
    expect((await withLog(await readFile(other.file))).kind).toBe('TAMPERED')
  })

  test('a chain made new by someone without the key fools nobody who has it, and no log', async () => {
    const forged = recut(original)
    expect(secondReader(forged).kind).toBe('closed')
    expect((await alone(forged)).kind).toBe('UNANCHORED')
    expect((await withLog(forged)).kind).toBe('TAMPERED')
    expect(await withKey(forged)).toMatchObject({ kind: 'TAMPERED', firstBadSeq: 3 })
  })
})

/** Drops the change and closes the file again as well as one can without keys. */
function recut(file: Buffer): Buffer {
  const ranges = frameRanges(file)
  const [start] = ranges[3]!
  const last = Buffer.from(file.subarray(...ranges[4]!))
  last.writeBigUInt64BE(3n, 6)
  const cut = file.subarray(0, start)
  const before = secondReader(cut)
  const body = last.subarray(30, -16)
  const put = (key: string, value: Buffer, skip: number): void => {
    value.copy(body, body.indexOf(key) + key.length + skip)
  }
  put('total_frames', Buffer.of(4), 0)
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(start)
  put('total_bytes', bytes, 1)
  put('chain', Buffer.from(before.kind === 'open' ? before.chain : '', 'hex'), 2)
  return Buffer.concat([cut, last])
}

describe('R1: a directory that was tampered with', () => {
  const verdicts = async (at: string): Promise<readonly Verdict[]> =>
    (await verifyDirectory(at, { keys: null })).recordings.map(({ verdict }) => verdict)

  test('a removed recording is MISSING', async () => {
    const place = await temporaryDir()
    const { file, recording } = await recordSample(place)
    await rm(file)
    expect(await verdicts(place)).toEqual([{ kind: 'MISSING', recording, lastFrames: SAMPLE_FRAMES, retired: null }])
  })

  test('a renamed recording is MISSING under its name and TAMPERED under the other', async () => {
    const place = await temporaryDir()
    const { file, folder } = await recordSample(place)
    await rename(file, join(folder, 'zz.dbrec'))
    expect((await verdicts(place)).map(({ kind }) => kind)).toEqual(['MISSING', 'TAMPERED'])
  })

  test('with bytes of the log flipped in turn nothing altered is COMPLETE', async () => {
    const place = await temporaryDir()
    const { folder, file } = await recordSample(place, {}, [intent(1, 'select 1')])
    const bytes = await readFile(file)
    bytes[bytes.length - 60]! ^= 1
    await writeFile(file, bytes)
    const path = join(folder, 'instance.log')
    const sound = await readFile(path)
    // Each of them, with two verifiers: `npm run tamper`.
    for (let at = 0; at < sound.length; at += 3) {
      const flipped = Buffer.from(sound)
      flipped[at] = flipped[at]! ^ 0x11
      await writeFile(path, flipped)
      expect(
        (await verdicts(place)).map(({ kind }) => kind),
        `log byte ${at}`,
      ).not.toContain('COMPLETE')
    }
  })

  test('a log cut back or removed is noticed by the next boot’s log', async () => {
    for (const harm of [(path: string) => truncate(path, 900), (path: string) => rm(path)]) {
      const place = await temporaryDir()
      const first = await recordSample(place)
      await recordSample(place)
      await harm(join(first.folder, 'instance.log'))
      const { recordings, logs } = await verifyDirectory(place, { keys: null })
      expect(logs.find(({ boot }) => boot === first.boot)?.state.kind).toBe('damaged')
      expect(recordings.find(({ recording }) => recording === first.recording)?.verdict.kind).toBe('UNANCHORED')
    }
  })

  test('a boot’s whole folder removed is noticed by the next boot’s log', async () => {
    const place = await temporaryDir()
    const first = await recordSample(place)
    await recordSample(place)
    await rm(first.folder, { recursive: true })
    const { logs } = await verifyDirectory(place, { keys: null })
    expect(logs.find(({ boot }) => boot === first.boot)?.state).toMatchObject({ kind: 'damaged' })
  })
})

describe('R2: what a crash can leave', () => {
  test('is what docs/recording-format.md says: other readers judge by it', () => {
    expect([TORN_BYTES_MAX, LOG_TORN_BYTES_MAX]).toEqual([68_157_440, 2_097_152])
  })
})

describe('R1: two readers', () => {
  const agree = async (bytes: Buffer, cuts: readonly number[]): Promise<void> => {
    const second = secondReader(bytes)
    const verdict = await verifyRecording({ recording: null, source: pieces(bytes, cuts), log: null, keys: null })
    const expected = { closed: 'UNANCHORED', open: 'OPEN', torn: 'TORN', bad: 'TAMPERED' }[second.kind]
    expect(verdict.kind).toBe(expected)
    if (second.kind !== 'bad') expect(verdict).toMatchObject({ frames: second.frames })
    if (second.kind === 'torn') expect(verdict).toMatchObject({ bytes: second.bytes })
  }

  test('agree on whatever was done to a file, in whatever pieces it is read', async () => {
    const edit = fc.oneof(
      fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
      fc.record({ kind: fc.constant('insert' as const), at: fc.nat(), bytes: fc.uint8Array({ maxLength: 64 }) }),
      fc.record({ kind: fc.constant('order' as const), order: fc.array(fc.nat({ max: 4 }), { maxLength: 8 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 3 }), fc.array(fc.nat({ max: 5_000 })), async (edits, cuts) => {
        let bytes = Buffer.from(original)
        for (const one of edits) bytes = apply(bytes, one)
        await agree(bytes, cuts)
        if (!bytes.equals(original)) expect((await withLog(bytes)).kind).toBe('TAMPERED')
      }),
      { numRuns: 1_500 },
    )
  })

  type Edit =
    | { kind: 'flip'; at: number; mask: number }
    | { kind: 'cut'; at: number }
    | { kind: 'insert'; at: number; bytes: Uint8Array }
    | { kind: 'order'; order: number[] }

  function apply(bytes: Buffer<ArrayBuffer>, edit: Edit): Buffer<ArrayBuffer> {
    const copy = Buffer.from(bytes)
    switch (edit.kind) {
      case 'flip':
        if (copy.length > 0) copy[edit.at % copy.length]! ^= edit.mask
        return copy
      case 'cut':
        return copy.subarray(0, edit.at % (copy.length + 1))
      case 'insert': {
        const at = edit.at % (copy.length + 1)
        return Buffer.concat([copy.subarray(0, at), edit.bytes, copy.subarray(at)])
      }
      case 'order':
        return Buffer.from(assemble(edit.order))
    }
  }

  function pieces(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
    const places = [0, ...cuts.filter(cut => cut < bytes.length).sort((a, b) => a - b), bytes.length]
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
  }
})
