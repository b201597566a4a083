import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameError } from '../../src/postgres/index.ts'
import { type Codec, codecs } from './codecs.ts'

const HEADER = 5

/** Bytes that are nearly a message: flipped, cut, stretched, or with a count or length that lies. */
const damaged = (frames: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(frames, fc.array(fc.tuple(fc.nat(4), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
    .map(([frame, steps]) => {
      let body = [...frame.subarray(HEADER)]
      for (const [how, where, value] of steps) {
        const at = where % (body.length + 1)
        if (how === 0) body[Math.min(at, body.length - 1)] = value
        else if (how === 1) body = body.slice(0, at)
        else if (how === 2) body.splice(at, 0, value)
        else if (how === 3) body.splice(at, 1)
        // The values that lengths and counts lie with: all ones, sign bit, one less than nothing.
        else
          body.splice(
            at,
            4,
            ...[
              [255, 255, 255, 254],
              [128, 0, 0, 0],
              [127, 255, 255, 255],
              [0, 0],
            ][value % 4]!,
          )
      }
      return Uint8Array.from(body)
    })

const header = (tag: number, body: Uint8Array): number[] => {
  const length = new DataView(new ArrayBuffer(4))
  length.setUint32(0, body.length + 4)
  return [tag, ...new Uint8Array(length.buffer)]
}

/** A message that encodes to the very bytes it came from, or a FrameError. */
function decodesExactlyOrRefuses({ tag, reencode }: Codec, body: Uint8Array): void {
  let encoded: Uint8Array | null
  try {
    encoded = reencode(body)
  } catch (error) {
    expect(error).toBeInstanceOf(FrameError)
    return
  }
  if (encoded !== null) expect([...encoded]).toEqual([...header(tag, body), ...body])
}

describe.each(codecs)('$direction $name', codec => {
  test('E1 decode ∘ encode is the identity, and the length counts what was written', () => {
    fc.assert(
      fc.property(codec.samples, ({ value, frame }) => {
        expect([...frame.subarray(0, HEADER)]).toEqual(header(codec.tag, frame.subarray(HEADER)))
        expect(codec.decode(frame.subarray(HEADER))).toEqual(value)
      }),
    )
  })

  test('E3 a damaged message is refused, or is another message with exactly those bytes', () => {
    fc.assert(
      fc.property(damaged(codec.samples.map(({ frame }) => frame)), body => decodesExactlyOrRefuses(codec, body)),
      { numRuns: 400 },
    )
  })

  test('E3 arbitrary bytes are refused, or are a message with exactly those bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), body => decodesExactlyOrRefuses(codec, body)),
      { numRuns: 300 },
    )
  })

  test('a body within a larger buffer reads as it does alone', () => {
    fc.assert(
      fc.property(codec.samples, fc.nat(9), ({ value, frame }, offset) => {
        const pool = new Uint8Array(frame.length + offset + 7).fill(0x41)
        pool.set(frame, offset)
        expect(codec.decode(pool.subarray(offset + HEADER, offset + frame.length))).toEqual(value)
      }),
    )
  })
})
