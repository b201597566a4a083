import { afterEach, describe, expect, test, vi } from 'vitest'
import { FrameError } from '../bytes/frame-error.ts'
import { LENGTH_MAX } from '../bytes/writer.ts'
import { FrameBuffer } from './frame-buffer.ts'
import { FRONTEND_LIMITS, type FrameRules } from './frame-rules.ts'
import { FrameScanner } from './frame-scanner.ts'
import { BACKEND, BACKEND_TAGS, FRONTEND, FRONTEND_LOGIN_TAGS, FRONTEND_TAGS } from './tags.ts'

const header = (tag: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(5)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, tag)
  view.setUint32(1, length)
  return bytes
}

const rules = { frameBytesMax: 1000, tags: FRONTEND_TAGS }

/** What each of the two framers says to bytes: its refusal, or how many frames it gave. */
const outcomes = (given: FrameRules, ...chunks: Uint8Array[]): (string | number)[] =>
  [countBuffer, countScanner].map(count => {
    try {
      return count(given, chunks)
    } catch (error) {
      if (error instanceof FrameError) return error.code
      throw error
    }
  })

const countBuffer = (given: FrameRules, chunks: Uint8Array[]): number => {
  const buffer = new FrameBuffer(given)
  let frames = 0
  for (const chunk of chunks) {
    buffer.push(chunk)
    while (buffer.next() !== undefined) frames += 1
  }
  return frames
}

const countScanner = (given: FrameRules, chunks: Uint8Array[]): number => {
  const scanner = new FrameScanner(given)
  let frames = 0
  for (const chunk of chunks) {
    scanner.push(chunk)
    while (scanner.next()) frames += 1
  }
  return frames
}

describe('E2 a header alone refuses', () => {
  test.each([
    { length: 0, code: 'TOO_SMALL' },
    { length: 3, code: 'TOO_SMALL' },
    { length: 1000, code: 'TOO_LARGE' },
    { length: 0x3fff_ffff, code: 'TOO_LARGE' },
    { length: 0x7fff_ffff, code: 'TOO_LARGE' },
    { length: 0x8000_0000, code: 'TOO_LARGE' },
    { length: 0xffff_fffb, code: 'TOO_LARGE' },
    { length: 0xffff_ffff, code: 'TOO_LARGE' },
  ])('length $length is $code', ({ length, code }) => {
    expect(outcomes(rules, header(FRONTEND.query, length))).toEqual([code, code])
    const bytes = header(FRONTEND.query, length)
    expect(outcomes(rules, bytes.subarray(0, 2), bytes.subarray(2))).toEqual([code, code])
  })

  test('a frame of just the limit passes', () => {
    expect(outcomes(rules, header(FRONTEND.query, 999), new Uint8Array(995))).toEqual([1, 1])
    expect(outcomes(rules, header(FRONTEND.sync, 4))).toEqual([1, 1])
  })

  test('no limit can be set that a length could wrap at', () => {
    for (const frameBytesMax of [0, 4, LENGTH_MAX + 2, 2 ** 31, 2 ** 32, Number.POSITIVE_INFINITY, Number.NaN, 10.5]) {
      expect(() => new FrameBuffer({ frameBytesMax, tags: FRONTEND_TAGS })).toThrow(RangeError)
      expect(() => new FrameScanner({ frameBytesMax, tags: FRONTEND_TAGS })).toThrow(RangeError)
    }
    expect(
      outcomes({ frameBytesMax: LENGTH_MAX + 1, tags: FRONTEND_TAGS }, header(FRONTEND.query, LENGTH_MAX)),
    ).toEqual([0, 0])
  })

  test('the kinds that cannot be long are refused as the server refuses them', () => {
    const limits = { frameBytesMax: 1 << 24, tags: FRONTEND_LIMITS }
    expect(outcomes(limits, header(FRONTEND.sync, 10_001))).toEqual(['TOO_LARGE', 'TOO_LARGE'])
    expect(outcomes(limits, header(FRONTEND.sync, 10_000))).toEqual([0, 0])
    expect(outcomes(limits, header(FRONTEND.query, 10_001))).toEqual([0, 0])
    expect(outcomes(limits, header(FRONTEND.query, 1 << 24))).toEqual(['TOO_LARGE', 'TOO_LARGE'])
  })
})

describe('tags', () => {
  test('every byte that is not a tag is refused before its length comes', () => {
    for (let tag = 0; tag < 256; tag++) {
      const known = FRONTEND_TAGS.has(tag)
      expect(outcomes(rules, Uint8Array.of(tag))).toEqual(known ? [0, 0] : ['UNKNOWN_TAG', 'UNKNOWN_TAG'])
    }
  })

  test('E6 only the password message may come before a login is over', () => {
    const login = { frameBytesMax: 10_000, tags: FRONTEND_LOGIN_TAGS }
    for (const tag of FRONTEND_TAGS) {
      const outcome = tag === FRONTEND.password ? 1 : 'UNKNOWN_TAG'
      expect(outcomes(login, header(tag, 4))).toEqual([outcome, outcome])
    }
    // A second StartupMessage begins with the high byte of its length.
    expect(outcomes(login, Uint8Array.of(0, 0, 0, 9))).toEqual(['UNKNOWN_TAG', 'UNKNOWN_TAG'])
  })

  test('new expectations hold for what is already waiting', () => {
    const buffer = new FrameBuffer({ frameBytesMax: 10_000, tags: FRONTEND_LOGIN_TAGS })
    buffer.push(Uint8Array.of(...header(FRONTEND.password, 4), ...header(FRONTEND.sync, 4)))
    expect(buffer.next()?.tag).toBe(FRONTEND.password)
    buffer.expect(rules)
    expect(buffer.next()?.tag).toBe(FRONTEND.sync)
    buffer.push(header(FRONTEND.sync, 4))
    buffer.expect({ frameBytesMax: 10_000, tags: FRONTEND_LOGIN_TAGS })
    expect(() => buffer.next()).toThrow(FrameError)
  })

  test('a refused stream stays refused', () => {
    const buffer = new FrameBuffer(rules)
    const scanner = new FrameScanner(rules)
    buffer.push(Uint8Array.of(0))
    scanner.push(Uint8Array.of(0))
    for (let i = 0; i < 3; i++) {
      expect(() => buffer.next()).toThrow(FrameError)
      expect(() => scanner.next()).toThrow(FrameError)
    }
  })
})

describe('E2 memory follows what was received', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
  })

  /** Counts the bytes of every array made while frames that declare 1 GiB begin to come. */
  const allocated = (act: () => void): number => {
    let bytes = 0
    const Counting = new Proxy(Uint8Array, {
      construct: (real, args: readonly unknown[]) => {
        bytes += typeof args[0] === 'number' ? args[0] : 0
        return Reflect.construct(real, args)
      },
    })
    vi.stubGlobal('Uint8Array', Counting)
    act()
    vi.unstubAllGlobals()
    return bytes
  }

  test('a declared gigabyte costs no more than a page', () => {
    const start = header(BACKEND.dataRow, LENGTH_MAX)
    const given = { frameBytesMax: LENGTH_MAX + 1, tags: BACKEND_TAGS }
    const buffer = new FrameBuffer(given)
    const scanner = new FrameScanner(given)
    const bytes = allocated(() => {
      buffer.push(start)
      expect(buffer.next()).toBeUndefined()
      scanner.push(start)
      expect(scanner.next()).toBe(false)
    })
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(10_000)
  })

  test('a thousand peers that declare a gigabyte cost a page each', () => {
    const start = header(BACKEND.dataRow, LENGTH_MAX)
    const given = { frameBytesMax: LENGTH_MAX + 1, tags: BACKEND_TAGS }
    const peers = Array.from({ length: 1000 }, () => ({
      buffer: new FrameBuffer(given),
      scanner: new FrameScanner(given),
    }))
    const bytes = allocated(() => {
      for (const { buffer, scanner } of peers) {
        buffer.push(start)
        buffer.next()
        scanner.push(start)
        scanner.next()
      }
    })
    expect(peers.every(({ buffer, scanner }) => buffer.buffered === 5 && scanner.buffered === 5)).toBe(true)
    expect(bytes).toBeGreaterThan(1000)
    expect(bytes).toBeLessThan(1000 * 10_000)
  })

  test('a frame that drips in costs a small multiple of itself', () => {
    const body = 100_000
    const start = header(BACKEND.dataRow, body + 4)
    const chunk = new Uint8Array(10)
    const given = { frameBytesMax: 1 << 24, tags: BACKEND_TAGS }
    const buffer = new FrameBuffer(given)
    const scanner = new FrameScanner(given)
    const bytes = allocated(() => {
      for (const piece of [start, ...Array.from({ length: body / 10 }, () => chunk)]) {
        buffer.push(piece)
        buffer.next()
        scanner.push(piece)
        scanner.next()
      }
    })
    expect(scanner.end - scanner.start).toBe(body + 5)
    expect(bytes).toBeLessThan(body * 8)
  })
})

describe('a chunk is the caller’s again', () => {
  const copyData = (bytes: number): Uint8Array =>
    Uint8Array.of(...header(FRONTEND.copyData, 4 + bytes), ...Uint8Array.from({ length: bytes }, (_, i) => i % 251))
  // Cuts in a header, in a body, and at a frame's end.
  const frames = [copyData(3), copyData(60), header(FRONTEND.sync, 4), copyData(0), copyData(200)]
  const stream = Uint8Array.from(frames.flatMap(frame => [...frame]))

  /** A socket's one read buffer, which each chunk overwrites. */
  const onread = function* (chunkBytes: number): Generator<Uint8Array> {
    const buffer = new Uint8Array(chunkBytes)
    for (let at = 0; at < stream.length; at += chunkBytes) {
      const part = stream.subarray(at, at + chunkBytes)
      buffer.set(part)
      yield buffer.subarray(0, part.length)
      buffer.fill(0xee)
    }
  }

  test.each([1, 4, 7, 64, 1000])('FrameBuffer: once it is pushed (chunks of %d bytes)', chunkBytes => {
    const buffer = new FrameBuffer(rules)
    const taken: Uint8Array[] = []
    for (const chunk of onread(chunkBytes)) {
      buffer.push(chunk)
      chunk.fill(0xdd)
      for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) taken.push(frame.bytes)
    }
    expect(taken).toEqual(frames)
  })

  test.each([1, 4, 7, 64, 1000])('FrameScanner: once next returned false (chunks of %d bytes)', chunkBytes => {
    const scanner = new FrameScanner(rules)
    const copies: Uint8Array[] = []
    const joined: Uint8Array[] = []
    for (const chunk of onread(chunkBytes)) {
      scanner.push(chunk)
      while (scanner.next()) {
        const frame = scanner.bytes.subarray(scanner.start, scanner.end)
        copies.push(frame.slice())
        if (scanner.bytes !== chunk) joined.push(frame)
      }
    }
    expect(copies).toEqual(frames)
    // What was joined stays as it was, although its chunks were overwritten.
    expect(joined.every(frame => frames.some(one => one.length === frame.length && one.at(-1) === frame.at(-1)))).toBe(
      true,
    )
    expect(joined.length === 0).toBe(chunkBytes === 1000)
  })

  test('FrameScanner shows nothing of a chunk that it let go of', () => {
    const scanner = new FrameScanner(rules)
    for (const chunk of [copyData(3), Uint8Array.of(...copyData(3), 0x64), Uint8Array.of(0, 0)]) {
      scanner.push(chunk)
      while (scanner.next());
      expect([scanner.bytes.buffer === chunk.buffer, scanner.bytes.length, scanner.end]).toEqual([false, 0, 0])
    }
    expect(scanner.buffered).toBe(3)
  })
})

describe('E2 what one large frame took is given back', () => {
  test('FrameBuffer keeps no more than a page once it is empty', () => {
    const buffer = new FrameBuffer({ frameBytesMax: 1 << 24, tags: FRONTEND_TAGS })
    buffer.push(header(FRONTEND.copyData, 100_004))
    // Room is doubled for small pieces, so that some is left behind the frame.
    for (let i = 0; i < 1000; i++) buffer.push(new Uint8Array(100))
    const large = buffer.next()?.bytes.buffer
    buffer.push(header(FRONTEND.sync, 4))
    const small = buffer.next()?.bytes.buffer
    expect(small).not.toBe(large)
    expect(small?.byteLength).toBeLessThan(10_000)
  })

  test('a page is shared while it lasts', () => {
    const buffer = new FrameBuffer(rules)
    const pages = Array.from({ length: 500 }, () => {
      buffer.push(header(FRONTEND.sync, 4))
      return buffer.next()?.bytes.buffer
    })
    expect(new Set(pages).size).toBe(1)
  })
})

describe('E4 bytes where none may be', () => {
  test('are an error until they are taken', () => {
    const buffer = new FrameBuffer(rules)
    const scanner = new FrameScanner(rules)
    buffer.assertEmpty()
    scanner.assertEmpty()
    buffer.push(header(FRONTEND.sync, 4))
    scanner.push(header(FRONTEND.sync, 4).subarray(0, 3))
    expect(() => buffer.assertEmpty()).toThrow(FrameError)
    expect(() => scanner.assertEmpty()).toThrow(FrameError)
    scanner.next()
    expect(scanner.buffered).toBe(3)
    expect(() => scanner.assertEmpty()).toThrow(FrameError)
    buffer.next()
    buffer.assertEmpty()
  })
})

describe('peek', () => {
  test('tells the tag of the frame that next gives, once it is whole, and takes nothing', () => {
    const buffer = new FrameBuffer(rules)
    const stream = Uint8Array.of(...header(FRONTEND.copyData, 6), 7, 8, ...header(FRONTEND.sync, 4))
    expect(buffer.peek()).toBeUndefined()
    const told: (number | undefined)[] = []
    for (const byte of stream) {
      buffer.push(Uint8Array.of(byte))
      const held = buffer.buffered
      const tag = buffer.peek()
      expect([buffer.peek(), buffer.buffered]).toEqual([tag, held])
      told.push(tag)
      expect(buffer.next()?.tag).toBe(tag)
    }
    const waiting = (count: number): undefined[] => Array.from({ length: count }, () => undefined)
    expect(told).toEqual([...waiting(6), FRONTEND.copyData, ...waiting(4), FRONTEND.sync])
  })

  test('E2 refuses what next refuses, on the header alone, and goes on refusing', () => {
    for (const bad of [Uint8Array.of(0), header(FRONTEND.query, 3), header(FRONTEND.query, 0xffff_ffff)]) {
      const buffer = new FrameBuffer(rules)
      buffer.push(bad)
      for (let i = 0; i < 2; i++) {
        expect(() => buffer.peek()).toThrow(FrameError)
        expect(() => buffer.next()).toThrow(FrameError)
      }
    }
  })

  test('follows new expectations', () => {
    const buffer = new FrameBuffer(rules)
    buffer.push(header(FRONTEND.sync, 4))
    expect(buffer.peek()).toBe(FRONTEND.sync)
    buffer.expect({ frameBytesMax: 10_000, tags: FRONTEND_LOGIN_TAGS })
    expect(() => buffer.peek()).toThrow(FrameError)
  })
})

test('frames taken earlier do not change when more bytes come', () => {
  const buffer = new FrameBuffer(rules)
  const frame = (byte: number): Uint8Array =>
    Uint8Array.of(...header(FRONTEND.copyData, 54), ...new Uint8Array(50).fill(byte))
  const taken: Uint8Array[] = []
  for (let i = 0; i < 500; i++) {
    buffer.push(frame(i % 251))
    taken.push(buffer.next()!.body)
  }
  expect(taken.every((body, i) => body.every(byte => byte === i % 251))).toBe(true)
})

test('a frame within one chunk is shown in place', () => {
  const scanner = new FrameScanner(rules)
  const chunk = Uint8Array.of(...header(FRONTEND.sync, 4), ...header(FRONTEND.copyData, 6), 7, 8)
  scanner.push(chunk)
  scanner.next()
  scanner.next()
  expect([scanner.bytes === chunk, scanner.tag, scanner.start, scanner.end]).toEqual([true, FRONTEND.copyData, 5, 12])
  expect(scanner.body).toEqual(Uint8Array.of(7, 8))
})

test('a chunk must be scanned to its end before the next', () => {
  const scanner = new FrameScanner(rules)
  scanner.push(header(FRONTEND.sync, 4))
  expect(() => scanner.push(header(FRONTEND.sync, 4))).toThrow('scanned to its end')
})
