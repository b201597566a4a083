import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeAnyStartup } from '../../test/postgres/encode-any-startup.ts'
import { FrameError } from '../bytes/frame-error.ts'
import { decodeStartup, encodeCancelRequest, encodeGssencRequest, encodeSslRequest, encodeStartup } from './startup.ts'

const text = fc.string({ unit: 'binary', maxLength: 12 })

test('E8 a start-up packet is read back as exactly the intended map, or is never made', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), fc.nat(0xffff), (entries, minor) => {
      const parameters = new Map(entries)
      let packet: Uint8Array
      try {
        packet = encodeStartup(parameters, { minor })
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError)
        expect(entries.flat().some(each => each.includes('\0')) || parameters.has('')).toBe(true)
        return
      }
      expect(decodeStartup(packet)).toEqual({ kind: 'startup', major: 3, minor, parameters })
    }),
  )
})

const packets = fc.oneof(
  fc
    .array(fc.tuple(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), fc.string({ unit: 'grapheme-ascii' })))
    .map(entries => encodeStartup(new Map(entries))),
  fc.constantFrom(encodeSslRequest(), encodeGssencRequest()),
  fc
    .tuple(fc.integer(), fc.uint8Array({ minLength: 4, maxLength: 256 }))
    .map(([pid, key]) => encodeCancelRequest(pid | 0, key)),
)

test('E8 a damaged packet is refused, or is another packet with exactly those bytes', () => {
  const damage = fc.array(fc.tuple(fc.boolean(), fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(packets, damage, (packet, steps) => {
      const bytes = [...packet]
      for (const [replace, where, value] of steps) bytes.splice(where % bytes.length, replace ? 1 : 0, value)
      const whole = Uint8Array.from(bytes)
      // An honest length, or hardly any would get past it.
      new DataView(whole.buffer).setUint32(0, whole.length)
      expect(exact(whole)).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

/** Whether a packet is refused with a FrameError or encodes back to itself. */
function exact(packet: Uint8Array): boolean {
  let encoded: Uint8Array
  try {
    encoded = encodeAnyStartup(decodeStartup(packet))
  } catch (error) {
    return error instanceof FrameError
  }
  return encoded.length === packet.length && encoded.every((byte, i) => byte === packet[i])
}
