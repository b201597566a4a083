import { describe, expect, test } from 'vitest'
import { FrameError } from '../bytes/frame-error.ts'
import { decodeBackendKeyData, encodeBackendKeyData } from './backend/backend-key-data.ts'
import {
  decodeStartup,
  encodeCancelRequest,
  encodeStartup,
  isSecretKeyBytes,
  PROTOCOL_OPTION_PREFIX,
  STARTUP_BYTES_MAX,
} from './startup.ts'

/** A first packet with an honest length. */
const packet = (version: number, body: string | Uint8Array): Uint8Array => {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const whole = new Uint8Array(8 + bytes.length)
  const view = new DataView(whole.buffer)
  view.setUint32(0, whole.length)
  view.setUint32(4, version)
  whole.set(bytes, 8)
  return whole
}

const V3 = 0x0003_0000

const refusal = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error instanceof FrameError ? error.code : error
  }
}

describe('E8 what a start-up packet cannot say twice or in two ways', () => {
  test.each([
    { what: 'a parameter twice', body: 'user\0devin\0user\0postgres\0\0' },
    { what: 'a parameter twice with the same value', body: 'user\0devin\0user\0devin\0\0' },
    { what: 'bytes after the terminator', body: 'user\0devin\0\0user\0postgres\0\0' },
    { what: 'a NUL after the terminator', body: 'user\0devin\0\0\0' },
    { what: 'an empty name before another parameter', body: '\0x\0user\0devin\0\0' },
    { what: 'no terminator', body: 'user\0devin\0' },
    { what: 'a name without a value', body: 'user\0' },
    { what: 'a value without its NUL', body: 'user\0devin' },
    { what: 'nothing', body: '' },
    { what: 'a name that is not UTF-8', body: Uint8Array.of(0xff, 0, 65, 0, 0) },
    { what: 'a value that is not UTF-8', body: Uint8Array.of(65, 0, 0xc0, 0x80, 0, 0) },
  ])('$what', ({ body }) => {
    expect(refusal(() => decodeStartup(packet(V3, body)))).toBe('MALFORMED')
  })

  test('an empty value is a value', () => {
    expect(decodeStartup(packet(V3, 'user\0devin\0options\0\0\0'))).toMatchObject({
      parameters: new Map([
        ['user', 'devin'],
        ['options', ''],
      ]),
    })
  })

  test.each([
    { what: 'a NUL in a value', parameters: [['application_name', 'x\0user\0admin']] },
    { what: 'a NUL in a name', parameters: [['a\0b', 'x']] },
    { what: 'an empty name', parameters: [['', 'x']] },
    { what: 'more than fits', parameters: [['user', 'x'.repeat(STARTUP_BYTES_MAX)]] },
  ])('$what is never written', ({ parameters }) => {
    const map = new Map(parameters.map(([name = '', value = '']) => [name, value] as const))
    expect(refusal(() => encodeStartup(map))).toBe('UNENCODABLE')
  })
})

describe('E9 versions and cancel keys', () => {
  test.each([0, 1, 2, 99, 9999, 0xffff])('3.%d is read', minor => {
    expect(decodeStartup(packet(V3 + minor, 'user\0x\0\0'))).toMatchObject({ kind: 'startup', major: 3, minor })
    expect(decodeStartup(encodeStartup(new Map([['user', 'x']]), { minor }))).toMatchObject({ major: 3, minor })
  })

  test.each([0, 1, 0x0002_0000, 0x0004_0000, 0x04d2_162d, 0x04d2_1631, 0xffff_ffff])('%d is not', version => {
    expect(refusal(() => decodeStartup(packet(version, 'user\0x\0\0')))).toBe('UNSUPPORTED_VERSION')
  })

  test.each([4, 32, 256])('a key of %d bytes', bytes => {
    const secretKey = Uint8Array.from({ length: bytes }, (_, i) => i)
    const decoded = decodeStartup(encodeCancelRequest(-7, secretKey))
    expect(decoded).toEqual({ kind: 'cancel-request', processId: -7, secretKey })
  })

  test.each([0, 3, 257, 300])('no key of %d bytes', bytes => {
    const body = new Uint8Array(4 + bytes)
    expect(refusal(() => decodeStartup(packet(0x04d2_162e, body)))).toBe('MALFORMED')
    expect(refusal(() => encodeCancelRequest(1, new Uint8Array(bytes)))).toBe('UNENCODABLE')
  })

  test.each([
    { minor: 0, fits: [4] },
    { minor: 1, fits: [4] },
    { minor: 2, fits: [4, 5, 32, 256] },
    { minor: 9999, fits: [4, 5, 32, 256] },
    { minor: null, fits: [4, 5, 32, 256] },
  ])('3.$minor has keys of $fits bytes', ({ minor, fits }) => {
    for (const bytes of [0, 3, 4, 5, 32, 256, 257]) {
      const frame = Uint8Array.of(0, 0, 0, 7, ...new Uint8Array(bytes))
      const key = { processId: 7, secretKey: new Uint8Array(bytes) }
      const given = fits.includes(bytes)
      expect(isSecretKeyBytes(bytes, minor)).toBe(given)
      expect(refusal(() => decodeBackendKeyData(frame, { minor }))).toEqual(given ? key : 'MALFORMED')
      expect(refusal(() => encodeBackendKeyData(key, { minor }).subarray(5))).toEqual(given ? frame : 'UNENCODABLE')
    }
  })

  test('E9 an option of the protocol is a parameter like any other to the codec', () => {
    const parameters = new Map([
      ['user', 'x'],
      [`${PROTOCOL_OPTION_PREFIX}test_protocol_negotiation`, ''],
    ])
    expect(decodeStartup(encodeStartup(parameters, { minor: 9999 }))).toMatchObject({ minor: 9999, parameters })
  })

  test('E5 requests carry nothing', () => {
    expect(refusal(() => decodeStartup(packet(0x04d2_162f, 'x')))).toBe('MALFORMED')
    expect(refusal(() => decodeStartup(packet(0x04d2_1630, 'x')))).toBe('MALFORMED')
    expect(refusal(() => decodeStartup(packet(0x04d2_162e, 'x')))).toBe('MALFORMED')
  })
})

describe('E2 a length that is not the packet’s', () => {
  test.each([0, 7, 9, 100, 0x7fff_ffff, 0xffff_ffff])('%d', length => {
    const bytes = packet(0x04d2_162f, '')
    new DataView(bytes.buffer).setUint32(0, length)
    expect(refusal(() => decodeStartup(bytes))).toBe('MALFORMED')
  })

  test('a packet that is too short or too long for any', () => {
    expect(refusal(() => decodeStartup(new Uint8Array(7)))).toBe('TOO_SMALL')
    expect(refusal(() => decodeStartup(packet(V3, 'x'.repeat(STARTUP_BYTES_MAX))))).toBe('TOO_LARGE')
  })
})
