/** What a byte is replaced by: the least and the largest, the sign bit, a letter, its neighbour. */
const VALUES = [0x00, 0x01, 0x61, 0x7f, 0x80, 0xff]

/**
 * Every small damage to a message: each byte of its body replaced, left out, doubled or put before, the body cut at each
 * place and stretched, each with a length that says what is there; and the header with lengths that lie.
 *
 * @param lengthAt where the Int32 length is: behind a tag, or at the start
 * @param spared bytes of the body's beginning that are left as they are
 */
export function* mutations(message: Uint8Array, lengthAt: 0 | 1, spared = 0): Generator<Uint8Array> {
  const bodyAt = lengthAt + 4 + spared
  for (let at = bodyAt; at <= message.length; at++) {
    const [before, after] = [message.subarray(0, at), message.subarray(at)]
    for (const value of VALUES) {
      yield mended([before, Uint8Array.of(value), after.subarray(1)], lengthAt)
      yield mended([before, Uint8Array.of(value), after], lengthAt)
    }
    if (after.length === 0) continue
    yield mended([before], lengthAt)
    yield mended([before, after.subarray(1)], lengthAt)
    yield mended([before, after.subarray(0, 1), after], lengthAt)
    for (const word of WORDS) yield mended([before, word, after.subarray(word.length)], lengthAt)
  }
  for (const length of LENGTHS) yield withLength(message, lengthAt, length)
  for (const more of [-2, -1, 1, 2]) yield withLength(message, lengthAt, message.length - lengthAt + more)
}

const WORDS = [
  [0xff, 0xff],
  [0x00, 0x02],
  [0x7f, 0xff],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0xfe],
  [0x80, 0x00, 0x00, 0x00],
  [0x7f, 0xff, 0xff, 0xff],
].map(bytes => Uint8Array.from(bytes))

const LENGTHS = [0, 1, 3, 4, 5, 10_001, 0x3fff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

function mended(parts: readonly Uint8Array[], lengthAt: 0 | 1): Uint8Array {
  const whole = Uint8Array.from(parts.flatMap(part => [...part]))
  return withLength(whole, lengthAt, whole.length - lengthAt)
}

function withLength(message: Uint8Array, lengthAt: 0 | 1, length: number): Uint8Array {
  const copy = message.slice()
  new DataView(copy.buffer).setUint32(lengthAt, length)
  return copy
}
