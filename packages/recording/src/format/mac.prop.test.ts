import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmac, hmacInPlace, MAC_ROOM_BYTES, macKey } from './mac.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 64 })

test('is HMAC-SHA-256, whatever the length and the parts', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 700 }),
    fc.uint8Array({ maxLength: 700 }),
    fc.constantFrom(new Uint8Array(2_048), new Uint8Array(2_049), 'é'.repeat(2_000)),
  )
  await fc.assert(
    fc.property(key, fc.array(part, { maxLength: 5 }), (secret, parts) => {
      const expected = createHmac('sha256', secret)
      for (const one of parts) expected.update(one)
      expect(Buffer.from(hmac(macKey(secret), parts))).toEqual(expected.digest())
    }),
    { numRuns: 1_000 },
  )
})

test('is the same in place', async () => {
  await fc.assert(
    fc.property(key, fc.uint8Array({ maxLength: 3_000 }), (secret, message) => {
      const room = Buffer.concat([Buffer.alloc(MAC_ROOM_BYTES), message])
      const expected = createHmac('sha256', secret).update(message).digest()
      expect(Buffer.from(hmacInPlace(macKey(secret), room), 'latin1')).toEqual(expected)
    }),
  )
})
