import { describe, expect, test } from 'vitest'
import { FrameError } from '../bytes/frame-error.ts'
import { decodeStartup, encodeSslRequest, encodeStartup } from './startup.ts'
import { StartupBuffer } from './startup-buffer.ts'

const request = encodeSslRequest()
const startup = encodeStartup(new Map([['user', 'devin']]))
const stuffed = Uint8Array.of(...request, ...startup)

describe('E4 bytes ahead of the handshake', () => {
  test.each(Array.from({ length: stuffed.length + 1 }, (_, i) => i))('are seen when the segment is cut at %d', at => {
    const buffer = new StartupBuffer()
    const packets: Uint8Array[] = []
    for (const chunk of [stuffed.subarray(0, at), stuffed.subarray(at)]) {
      buffer.push(chunk)
      if (packets.length > 0) continue
      const packet = buffer.next()
      if (packet !== undefined) packets.push(packet)
    }
    expect(packets).toEqual([request])
    expect(() => buffer.assertEmpty()).toThrow(FrameError)
    expect(buffer.buffered).toBe(startup.length)
    expect(buffer.leftover()).toEqual(startup)
    expect(() => buffer.assertEmpty()).not.toThrow()
  })

  test('the next packet comes when it is asked for', () => {
    const buffer = new StartupBuffer()
    buffer.push(stuffed)
    expect(buffer.next()).toEqual(request)
    expect(decodeStartup(buffer.next()!)).toMatchObject({ kind: 'startup' })
    expect(buffer.next()).toBeUndefined()
  })
})

describe('E2 the length alone refuses', () => {
  test.each([
    { length: 0, code: 'TOO_SMALL' },
    { length: 7, code: 'TOO_SMALL' },
    { length: 10_001, code: 'TOO_LARGE' },
    { length: 0x7fff_ffff, code: 'TOO_LARGE' },
    { length: 0x8000_0000, code: 'TOO_LARGE' },
    { length: 0xffff_ffff, code: 'TOO_LARGE' },
    // A TLS ClientHello and an HTTP request, read as lengths.
    { length: 0x1603_0100, code: 'TOO_LARGE' },
    { length: 0x4745_5420, code: 'TOO_LARGE' },
  ])('$length is $code', ({ length, code }) => {
    const header = new Uint8Array(4)
    new DataView(header.buffer).setUint32(0, length)
    const buffer = new StartupBuffer()
    buffer.push(header)
    expect(() => buffer.next()).toThrow(expect.objectContaining({ code }))
  })
})
