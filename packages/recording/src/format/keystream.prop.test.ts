import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockCipher } from './keys.ts'
import { Keystream } from './keystream.ts'

test('however a text is cut, it is encrypted as if it were whole', async () => {
  const key = randomBytes(32)
  const pieces = fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 900, maxLength: 5_000 })),
  )
  await fc.assert(
    fc.property(pieces, fc.maxSafeInteger().map(Math.abs), (texts, first) => {
      const whole = blockCipher(key, first).update(Buffer.concat(texts))
      const stream = new Keystream(blockCipher(key, first))
      const cut = texts.map(text => {
        const copy = Uint8Array.from(text)
        stream.apply(copy)
        return copy
      })
      expect(Buffer.concat(cut).equals(whole)).toBe(true)
    }),
  )
})
