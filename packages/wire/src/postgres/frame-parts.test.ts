import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameError } from '../bytes/frame-error.ts'
import { FrameScanner } from './frame-scanner.ts'
import { BACKEND, BACKEND_TAGS } from './tags.ts'

const CAP = 1_000_000
const scanner = (inParts: (tag: number) => boolean = tag => tag === BACKEND.dataRow) =>
  new FrameScanner({ frameBytesMax: CAP, tags: BACKEND_TAGS }, inParts)

function frame(tag: number, bodyBytes: number): Uint8Array {
  const bytes = new Uint8Array(5 + bodyBytes).fill(tag)
  bytes[0] = tag
  new DataView(bytes.buffer).setUint32(1, bodyBytes + 4)
  return bytes
}

interface Shown {
  readonly tag: number
  readonly parts: readonly string[]
  readonly bytes: Uint8Array
  readonly total: number
}

/** All frames that a scanner shows of a stream cut into chunks, parts put together. */
function shownOf(scan: FrameScanner, stream: Uint8Array, cuts: readonly number[]): Shown[] {
  const shown: { tag: number; parts: string[]; bytes: Uint8Array; total: number }[] = []
  let from = 0
  for (const to of [...cuts, stream.length]) {
    const chunk = Uint8Array.from(stream.subarray(from, to))
    from = Math.max(from, to)
    scan.push(chunk)
    while (scan.next()) {
      const piece = Uint8Array.from(scan.bytes.subarray(scan.start, scan.end))
      const last = shown.at(-1)
      if (scan.part === 'whole' || scan.part === 'first')
        shown.push({ tag: scan.tag, parts: [scan.part], bytes: piece, total: scan.total })
      else if (last !== undefined) {
        last.parts.push(scan.part)
        last.bytes = Buffer.concat([last.bytes, piece])
      }
    }
    chunk.fill(0)
  }
  return shown
}

describe('F27: frames in parts', () => {
  test('any cutting shows the same frames, whole or in parts, and nothing of a large one is kept', () => {
    const frames = fc.array(
      fc.record({
        tag: fc.constantFrom(BACKEND.dataRow, BACKEND.commandComplete, BACKEND.copyData),
        bodyBytes: fc.oneof(fc.nat(20), fc.integer({ min: 262_130, max: 262_160 }), fc.constant(700_000)),
      }),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 12 }), (given, at) => {
        const sent = given.map(({ tag, bodyBytes }) => frame(tag, bodyBytes))
        const stream = Buffer.concat(sent)
        const cuts = at.map(cut => cut % stream.length).toSorted((a, b) => a - b)
        const shown = shownOf(scanner(), stream, cuts)
        expect(shown.map(({ tag }) => tag)).toEqual(given.map(({ tag }) => tag))
        for (const [i, { bytes, parts, total, tag }] of shown.entries()) {
          expect(Buffer.compare(bytes, sent[i] ?? new Uint8Array())).toBe(0)
          expect(total).toBe(sent[i]?.length)
          const isWhole = parts.length === 1 && parts[0] === 'whole'
          if (tag !== BACKEND.dataRow || total < 262_144) expect(isWhole).toBe(true)
          if (!isWhole) expect(parts).toEqual(['first', ...parts.slice(1, -1).map(() => 'middle'), 'last'])
        }
      }),
      { numRuns: 60 },
    )
  })

  test('one that may be shown in parts is not bounded by the limit for whole frames, others are', () => {
    const large = frame(BACKEND.dataRow, 3 * CAP)
    const cuts = Array.from({ length: 50 }, (_, i) => i * 60_000)
    expect(shownOf(scanner(), large, cuts)[0]?.bytes.length).toBe(large.length)
    expect(() => shownOf(scanner(), frame(BACKEND.copyData, 3 * CAP), cuts)).toThrow(FrameError)
    expect(() =>
      shownOf(
        scanner(() => false),
        large,
        cuts,
      ),
    ).toThrow(FrameError)
  })

  test('E2: neither a length beyond the protocol’s nor a tag that may not come is shown in parts', () => {
    for (const header of ['44ffffffff', '4440000000', '4400000003', '7a00100000'])
      expect(() =>
        shownOf(
          scanner(() => true),
          Buffer.from(`${header}00`, 'hex'),
          [],
        ),
      ).toThrow(FrameError)
  })

  test('it is known while a frame is under way', () => {
    const scan = scanner()
    const large = frame(BACKEND.dataRow, 500_000)
    scan.push(large.slice(0, 10))
    expect(scan.next() && scan.isMidFrame).toBe(true)
    expect(scan.next()).toBe(false)
    scan.push(large.slice(10))
    expect(scan.next() && scan.part === 'last' && !scan.isMidFrame).toBe(true)
  })
})

describe('frames that the caller has looked at itself', () => {
  const stream = Buffer.concat([frame(BACKEND.dataRow, 3), frame(BACKEND.dataRow, 4), frame(BACKEND.dataRow, 5)])

  test('are shown as one, and the next is the one behind them', () => {
    const scan = scanner()
    scan.push(stream)
    scan.next()
    scan.extendTo(17)
    expect([scan.start, scan.end, scan.total, scan.part]).toEqual([0, 17, 17, 'whole'])
    expect(scan.next() && [scan.start, scan.end, scan.total]).toEqual([17, 27, 10])
    expect(scan.next()).toBe(false)
  })

  test('lie in the same chunk as the current one', () => {
    const scan = scanner()
    scan.push(stream.subarray(0, 2))
    expect(scan.next()).toBe(false)
    scan.push(stream.subarray(2))
    scan.next()
    expect(scan.end).toBe(8)
    expect(() => scan.extendTo(17)).toThrow('same chunk')
    scan.next()
    for (const end of [0, 26]) expect(() => scan.extendTo(end)).toThrow('same chunk')
    scan.extendTo(scan.end)
  })
})
