import { FrameError } from '../bytes/frame-error.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'

/**
 * The largest first packet, in bytes: `MAX_STARTUP_PACKET_LENGTH`, src/include/libpq/pqcomm.h. The server doesn't count
 * the four bytes of the length; here they count.
 */
export const STARTUP_BYTES_MAX = 10_000

/** A length and a code: SSLRequest and GSSENCRequest are no more than that. Manual 54.7. */
export const STARTUP_BYTES_MIN = 8

// Manual 54.7: 1234 in the high half, a request's number in the low half.
const CANCEL_REQUEST = 0x04d2_162e
const SSL_REQUEST = 0x04d2_162f
const GSSENC_REQUEST = 0x04d2_1630

const PROTOCOL_MAJOR = 3

/** The shortest key of a cancellation, and the only length before protocol 3.2, in bytes. Manual 54.7, BackendKeyData. */
export const SECRET_KEY_BYTES_MIN = 4

/** The longest key of a cancellation, from protocol 3.2 on, in bytes. Manual 54.7, BackendKeyData. */
export const SECRET_KEY_BYTES_MAX = 256

/** The first minor version of protocol 3 with keys of any length. Manual 54.1. */
const LONG_KEYS_MINOR = 2

/** What a name of a protocol option begins with, which no run-time setting's does. Manual 54.2.1, StartupMessage. */
export const PROTOCOL_OPTION_PREFIX = '_pq_.'

/** What a client's first packet asks for. Manual 54.7. */
export type Startup =
  | {
      readonly kind: 'startup'
      /** Always 3. */
      readonly major: number
      /** The minor version asked for, which may be one that nobody speaks. */
      readonly minor: number
      readonly parameters: ReadonlyMap<string, string>
    }
  | { readonly kind: 'ssl-request' }
  | { readonly kind: 'gssenc-request' }
  | { readonly kind: 'cancel-request'; readonly processId: number; readonly secretKey: Uint8Array }

/**
 * Decodes a whole first packet (manual 54.7, those without a tag), its length included. Duplicate and empty parameter names and bytes after the terminator
 * are refused: the server takes the last of two `user`s, and a decoder that took the first would judge another login.
 *
 * @throws FrameError `TOO_SMALL`, `TOO_LARGE`, `MALFORMED`, or `UNSUPPORTED_VERSION` for a protocol that isn't 3.x
 * @example
 * const startup = decodeStartup(packet)
 * if (startup.kind === 'startup') login(startup.parameters.get('user'))
 */
export function decodeStartup(packet: Uint8Array): Startup {
  checkStartupBytes(packet.byteLength)
  const reader = new Reader(packet, 'StartupMessage')
  const length = reader.uint32()
  if (length !== packet.byteLength) throw reader.malformed(`has ${packet.byteLength} bytes but says ${length}`)
  const code = reader.uint32()
  switch (code) {
    case SSL_REQUEST:
      reader.end()
      return { kind: 'ssl-request' }
    case GSSENC_REQUEST:
      reader.end()
      return { kind: 'gssenc-request' }
    case CANCEL_REQUEST:
      return readCancelRequest(reader)
    default:
      return readStartupMessage(reader, code)
  }
}

/** Refuses the length of a first packet that can't be one. */
export function checkStartupBytes(bytes: number): void {
  if (bytes < STARTUP_BYTES_MIN) {
    throw new FrameError('TOO_SMALL', `start-up packet of ${bytes} bytes has less than ${STARTUP_BYTES_MIN}`, {
      bytes,
      bytesMin: STARTUP_BYTES_MIN,
    })
  }
  if (bytes > STARTUP_BYTES_MAX) {
    throw new FrameError('TOO_LARGE', `start-up packet of ${bytes} bytes exceeds the limit of ${STARTUP_BYTES_MAX}`, {
      bytes,
      bytesMax: STARTUP_BYTES_MAX,
    })
  }
}

/**
 * Whether a cancellation's key may be that long: 4 bytes before protocol 3.2, else 4 to 256 (manual 54.7,
 * BackendKeyData).
 *
 * @param minor the version agreed on, or null where it isn't known, as in a CancelRequest
 * @example
 * if (!isSecretKeyBytes(secretKey.byteLength, minor)) refuse()
 */
export function isSecretKeyBytes(bytes: number, minor: number | null): boolean {
  const bytesMax = minor !== null && minor < LONG_KEYS_MINOR ? SECRET_KEY_BYTES_MIN : SECRET_KEY_BYTES_MAX
  return bytes >= SECRET_KEY_BYTES_MIN && bytes <= bytesMax
}

/**
 * A StartupMessage (manual 54.7) that carries exactly these parameters, in their order.
 *
 * @param parameters names and values; the server needs `user`
 * @param options.minor of protocol 3, 0 unless given
 * @throws FrameError `UNENCODABLE` for a NUL, an empty name, or more than 10 000 bytes
 * @example
 * encodeStartup(new Map([['user', 'svc_app'], ['database', 'app']]), { minor: 2 })
 */
export function encodeStartup(
  parameters: ReadonlyMap<string, string>,
  options: { readonly minor?: number } = {},
): Uint8Array {
  const writer = new Writer(null)
  writer.uint16(PROTOCOL_MAJOR)
  writer.uint16(options.minor ?? 0)
  for (const [name, value] of parameters) {
    // An empty name is the terminator: what follows it would be read as something else.
    if (name === '') throw new FrameError('UNENCODABLE', 'start-up parameter has an empty name')
    writer.cstring(name)
    writer.cstring(value)
  }
  writer.byte(0)
  const packet = writer.finish()
  if (packet.byteLength > STARTUP_BYTES_MAX) {
    throw new FrameError('UNENCODABLE', `start-up packet of ${packet.byteLength} bytes exceeds ${STARTUP_BYTES_MAX}`, {
      bytes: packet.byteLength,
      bytesMax: STARTUP_BYTES_MAX,
    })
  }
  return packet
}

/**
 * Asks for TLS (manual 54.2.10, SSLRequest). The answer is one byte, `S` or `N`, and nothing may come with it.
 *
 * @example
 * socket.write(encodeSslRequest())
 */
export function encodeSslRequest(): Uint8Array {
  const writer = new Writer(null, 4)
  writer.uint32(SSL_REQUEST)
  return writer.finish()
}

/**
 * Asks for GSSAPI encryption (manual 54.2.11, GSSENCRequest). The answer is one byte, `G` or `N`.
 *
 * @example
 * socket.write(encodeGssencRequest())
 */
export function encodeGssencRequest(): Uint8Array {
  const writer = new Writer(null, 4)
  writer.uint32(GSSENC_REQUEST)
  return writer.finish()
}

/**
 * Asks, on a connection of its own, to cancel what another one runs (manual 54.2.8, CancelRequest).
 *
 * @param processId as its BackendKeyData gave it
 * @param secretKey 4 to 256 bytes, as its BackendKeyData gave it
 * @throws FrameError `UNENCODABLE`
 * @example
 * connect(address).end(encodeCancelRequest(upstream.processId, upstream.secretKey))
 */
export function encodeCancelRequest(processId: number, secretKey: Uint8Array): Uint8Array {
  const bytes = secretKey.byteLength
  if (!isSecretKeyBytes(bytes, null))
    throw new FrameError('UNENCODABLE', `secret key has ${bytes} bytes, expected 4 to 256`)
  const writer = new Writer(null, 8 + bytes)
  writer.uint32(CANCEL_REQUEST)
  writer.int32(processId)
  writer.bytes(secretKey)
  return writer.finish()
}

function readCancelRequest(reader: Reader): Startup {
  const processId = reader.int32()
  const secretKey = reader.rest()
  if (!isSecretKeyBytes(secretKey.byteLength, null)) {
    throw reader.malformed(`cancels with a key of ${secretKey.byteLength} bytes, expected 4 to 256`)
  }
  return { kind: 'cancel-request', processId, secretKey }
}

function readStartupMessage(reader: Reader, version: number): Startup {
  const major = version >>> 16
  const minor = version & 0xffff
  if (major !== PROTOCOL_MAJOR) {
    throw new FrameError('UNSUPPORTED_VERSION', `protocol ${major}.${minor} is not one of ${PROTOCOL_MAJOR}.x`, {
      major,
      minor,
    })
  }
  const parameters = new Map<string, string>()
  for (let name = reader.cstring(); name !== ''; name = reader.cstring()) {
    if (parameters.has(name)) throw reader.malformed('names a parameter twice')
    parameters.set(name, reader.cstring())
  }
  reader.end()
  return { kind: 'startup', major, minor, parameters }
}
