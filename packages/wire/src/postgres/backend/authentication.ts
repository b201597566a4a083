import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

// Manual 54.7, the Authentication messages.
const OK = 0
const KERBEROS_V5 = 2
const CLEARTEXT_PASSWORD = 3
const MD5_PASSWORD = 5
const GSS = 7
const GSS_CONTINUE = 8
const SSPI = 9
const SASL = 10
const SASL_CONTINUE = 11
const SASL_FINAL = 12

const SALT_BYTES = 4

const BARE = {
  ok: OK,
  'kerberos-v5': KERBEROS_V5,
  'cleartext-password': CLEARTEXT_PASSWORD,
  gss: GSS,
  sspi: SSPI,
} as const
const WITH_DATA = { 'gss-continue': GSS_CONTINUE, 'sasl-continue': SASL_CONTINUE, 'sasl-final': SASL_FINAL } as const

// Types that have a kind of their own.
const KNOWN: ReadonlySet<number> = new Set([...Object.values(BARE), MD5_PASSWORD, SASL, ...Object.values(WITH_DATA)])

/** What the server wants of a client that logs in. Manual 54.7, the Authentication messages. */
export type Authentication =
  | { readonly kind: 'ok' }
  | { readonly kind: 'kerberos-v5' }
  | { readonly kind: 'cleartext-password' }
  /** @param salt four bytes */
  | { readonly kind: 'md5-password'; readonly salt: Uint8Array }
  | { readonly kind: 'gss' }
  | { readonly kind: 'gss-continue'; readonly data: Uint8Array }
  | { readonly kind: 'sspi' }
  /** The mechanisms are in the server's order of preference; there is at least one. */
  | { readonly kind: 'sasl'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'sasl-continue'; readonly data: Uint8Array }
  | { readonly kind: 'sasl-final'; readonly data: Uint8Array }
  /** A type that the manual doesn't have. */
  | { readonly kind: 'unsupported'; readonly type: number; readonly data: Uint8Array }

/**
 * Reads the body of an Authentication message (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const wanted = decodeAuthentication(frame.body)
 * if (wanted.kind === 'sasl') choose(wanted.mechanisms)
 */
export function decodeAuthentication(body: Uint8Array): Authentication {
  const reader = new Reader(body, 'Authentication')
  const type = reader.int32()
  const message = readAuthentication(reader, type)
  reader.end()
  return message
}

/**
 * The frame of an Authentication message (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeAuthentication({ kind: 'sasl', mechanisms: ['SCRAM-SHA-256'] })
 */
export function encodeAuthentication(message: Authentication): Uint8Array {
  const writer = new Writer(BACKEND.authentication)
  switch (message.kind) {
    case 'ok':
    case 'kerberos-v5':
    case 'cleartext-password':
    case 'gss':
    case 'sspi':
      writer.int32(BARE[message.kind])
      break
    case 'md5-password':
      writeMd5Password(writer, message.salt)
      break
    case 'sasl':
      writeSasl(writer, message.mechanisms)
      break
    case 'gss-continue':
    case 'sasl-continue':
    case 'sasl-final':
      writer.int32(WITH_DATA[message.kind])
      writer.bytes(message.data)
      break
    case 'unsupported':
      writeUnsupported(writer, message.type, message.data)
      break
  }
  return writer.finish()
}

function readAuthentication(reader: Reader, type: number): Authentication {
  switch (type) {
    case OK:
      return { kind: 'ok' }
    case KERBEROS_V5:
      return { kind: 'kerberos-v5' }
    case CLEARTEXT_PASSWORD:
      return { kind: 'cleartext-password' }
    case MD5_PASSWORD:
      return { kind: 'md5-password', salt: reader.bytes(SALT_BYTES) }
    case GSS:
      return { kind: 'gss' }
    case GSS_CONTINUE:
      return { kind: 'gss-continue', data: reader.rest() }
    case SSPI:
      return { kind: 'sspi' }
    case SASL:
      return { kind: 'sasl', mechanisms: readMechanisms(reader) }
    case SASL_CONTINUE:
      return { kind: 'sasl-continue', data: reader.rest() }
    case SASL_FINAL:
      return { kind: 'sasl-final', data: reader.rest() }
    default:
      return { kind: 'unsupported', type, data: reader.rest() }
  }
}

function readMechanisms(reader: Reader): string[] {
  const mechanisms: string[] = []
  for (let name = reader.cstring(); name !== ''; name = reader.cstring()) mechanisms.push(name)
  if (mechanisms.length === 0) throw reader.malformed('offers no SASL mechanism')
  return mechanisms
}

function writeMd5Password(writer: Writer, salt: Uint8Array): void {
  if (salt.byteLength !== SALT_BYTES) {
    throw new FrameError('UNENCODABLE', `salt has ${salt.byteLength} bytes, expected ${SALT_BYTES}`)
  }
  writer.int32(MD5_PASSWORD)
  writer.bytes(salt)
}

function writeSasl(writer: Writer, mechanisms: readonly string[]): void {
  if (mechanisms.length === 0) throw new FrameError('UNENCODABLE', 'no SASL mechanism to offer, expected at least one')
  writer.int32(SASL)
  for (const name of mechanisms) {
    if (name === '') throw new FrameError('UNENCODABLE', 'SASL mechanism has an empty name')
    writer.cstring(name)
  }
  writer.byte(0)
}

function writeUnsupported(writer: Writer, type: number, data: Uint8Array): void {
  if (KNOWN.has(type)) throw new FrameError('UNENCODABLE', `authentication type ${type} has a kind of its own`)
  writer.int32(type)
  writer.bytes(data)
}
