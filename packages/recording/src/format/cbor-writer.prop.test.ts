import { decode, encode, rfc8949EncodeOptions } from 'cborg'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CborValue, encodeCbor } from './canonical-cbor.ts'
import { CborWriter } from './cbor-writer.ts'

const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 2 ** 53, 2 ** 60, -(2 ** 60)),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -2_047, max: 2_047 }).chain(n => fc.integer({ min: -14, max: 4 }).map(e => n * 2 ** e)),
)
const text = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 90 }))
const { value } = fc.letrec<{ value: CborValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    number,
    text,
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(text, tie('value'), { maxKeys: 30 }),
  ),
}))

/** The other encoder writes small denormal halves as floats of 32 bits; RFC 8949 wants the shortest. */
const isTiny = (n: number): boolean => n !== 0 && Math.abs(n) < 2 ** -14

describe('deterministic CBOR', () => {
  test('is, byte for byte, what another encoder makes of the same value', async () => {
    await fc.assert(
      fc.property(value, one => {
        fc.pre(
          !JSON.stringify(one, (_, n: unknown) => (typeof n === 'number' && isTiny(n) ? '\u0000tiny' : n))?.includes(
            '\\u0000tiny',
          ),
        )
        expect(Buffer.from(encodeCbor(one)).toString('hex')).toBe(
          Buffer.from(encode(one, rfc8949EncodeOptions)).toString('hex'),
        )
      }),
      { numRuns: 2_000 },
    )
  })

  test('of every number is read back as that number, in no more bytes than the other encoder takes', async () => {
    await fc.assert(
      fc.property(
        fc.oneof(
          number,
          fc.integer({ min: 1, max: 2_047 }).map(n => n * 2 ** -24),
        ),
        one => {
          const bytes = encodeCbor(one)
          expect(decode(bytes)).toBe(one === 0 ? 0 : one)
          expect(bytes.length).toBeLessThanOrEqual(encode(one, rfc8949EncodeOptions).length)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('has no NaN and no infinity', async () => {
    for (const one of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => encodeCbor({ one })).toThrow(expect.objectContaining({ code: 'MALFORMED' }))
    }
  })

  test('grows, and forgets what is cut off', async () => {
    const writer = new CborWriter(1)
    writer.text('a')
    const mark = writer.length
    writer.bytes(new Uint8Array(10_000))
    writer.cutTo(mark)
    writer.boolean(true)
    expect([...writer.written]).toEqual([0x61, 0x61, 0xf5])
  })
})
