import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BACKEND_TAGS, FRONTEND_TAGS, FrameBuffer, FrameError, FrameScanner } from '../../src/postgres/index.ts'
import { streams } from './codecs.ts'

const FRAME_BYTES_MAX = 4096

const concat = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))

/** Cuts bytes at each of the places. */
const cut = (bytes: Uint8Array, places: readonly number[]): Uint8Array[] => {
  const at = [0, ...places.map(place => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i]!, end))
}

interface Framed {
  readonly frames: number[][]
  readonly error: string | null
}

type Framer = (chunks: readonly Uint8Array[], tags: ReadonlySet<number>) => Framed

/** Every chunk comes in one array that is overwritten, as a socket's static read buffer is. */
const viaBuffer: Framer = (chunks, tags) => {
  const buffer = new FrameBuffer({ frameBytesMax: FRAME_BYTES_MAX, tags })
  const shared = new Uint8Array(1 << 16)
  const frames: Uint8Array[] = []
  try {
    for (const chunk of chunks) {
      shared.set(chunk)
      buffer.push(shared.subarray(0, chunk.length))
      shared.fill(0xee)
      for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) frames.push(frame.bytes)
    }
  } catch (error) {
    return { frames: frames.map(frame => [...frame]), error: codeOf(error) }
  }
  return { frames: frames.map(frame => [...frame]), error: null }
}

const viaScanner: Framer = (chunks, tags) => {
  const scanner = new FrameScanner({ frameBytesMax: FRAME_BYTES_MAX, tags })
  const shared = new Uint8Array(1 << 16)
  const frames: number[][] = []
  try {
    for (const chunk of chunks) {
      shared.set(chunk)
      scanner.push(shared.subarray(0, chunk.length))
      while (scanner.next()) frames.push([...scanner.bytes.subarray(scanner.start, scanner.end)])
      shared.fill(0xee)
    }
  } catch (error) {
    return { frames, error: codeOf(error) }
  }
  return { frames, error: null }
}

/** Passes runs on as the scanner's documentation says. */
const relayed = (chunks: readonly Uint8Array[], tags: ReadonlySet<number>): Uint8Array => {
  const scanner = new FrameScanner({ frameBytesMax: FRAME_BYTES_MAX, tags })
  const written: Uint8Array[] = []
  for (const chunk of chunks) {
    scanner.push(chunk)
    let source = chunk
    let from = 0
    let to = 0
    while (scanner.next()) {
      if (scanner.bytes !== source) {
        written.push(source.subarray(from, to))
        source = scanner.bytes
        from = scanner.start
      }
      to = scanner.end
    }
    written.push(source.subarray(from, to))
  }
  return concat(written)
}

const codeOf = (error: unknown): string => {
  if (error instanceof FrameError) return error.code
  throw error
}

const cuts = fc.array(fc.nat(), { maxLength: 30 })

describe.each([
  { direction: 'frontend' as const, tags: FRONTEND_TAGS },
  { direction: 'backend' as const, tags: BACKEND_TAGS },
])('$direction', ({ direction, tags }) => {
  test.each([
    { name: 'FrameBuffer', framer: viaBuffer },
    { name: 'FrameScanner', framer: viaScanner },
  ])('any split of a stream gives $name the same frames', ({ framer }) => {
    fc.assert(
      fc.property(streams(direction), cuts, (frames, places) => {
        const expected = { frames: frames.map(frame => [...frame]), error: null }
        expect(framer(cut(concat(frames), places), tags)).toEqual(expected)
      }),
    )
  })

  test('runs of frames passed on are the bytes that came', () => {
    fc.assert(
      fc.property(streams(direction), cuts, (frames, places) => {
        const stream = concat(frames)
        expect([...relayed(cut(stream, places), tags)]).toEqual([...stream])
      }),
    )
  })

  test('E2 any split of any bytes gives both the same frames and the same refusal', () => {
    // Mostly known tags and short lengths, or hardly any input would get past its first byte.
    const unit = fc.tuple(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...tags) }, { weight: 1, arbitrary: fc.nat(255) }),
      fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 3, max: 12 }) },
        { weight: 1, arbitrary: fc.nat(0xffff_ffff) },
      ),
      fc.uint8Array({ maxLength: 9 }),
    )
    const junk = fc.array(unit, { maxLength: 8 }).map(units =>
      concat(
        units.map(([tag, length, body]) => {
          const header = new DataView(new ArrayBuffer(5))
          header.setUint8(0, tag)
          header.setUint32(1, length)
          return concat([new Uint8Array(header.buffer), body])
        }),
      ),
    )
    fc.assert(
      fc.property(junk, cuts, (stream, places) => {
        const whole = viaBuffer([stream], tags)
        const chunks = cut(stream, places)
        expect(viaBuffer(chunks, tags)).toEqual(whole)
        expect(viaScanner(chunks, tags)).toEqual(whole)
        expect(viaScanner([stream], tags)).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })
})
