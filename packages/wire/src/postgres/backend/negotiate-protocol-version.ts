import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** NegotiateProtocolVersion: the server lacks the minor version or protocol options asked for. Manual 54.7. */
export interface NegotiateProtocolVersion {
  /** The newest minor version of protocol 3 that the server offers. */
  readonly newestMinor: number
  /** Names of `_pq_.` options that it doesn't know. */
  readonly unrecognized: readonly string[]
}

const PROTOCOL_MAJOR = 3

/**
 * Reads the body of a NegotiateProtocolVersion (manual 54.7).
 * The manual (54.7) speaks of a minor version; servers send the whole one, major in the high half, and libpq expects it
 * (`SendNegotiateProtocolVersion`, src/backend/tcop/backend_startup.c; `pqGetNegotiateProtocolVersion3`).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { newestMinor } = decodeNegotiateProtocolVersion(frame.body)
 */
export function decodeNegotiateProtocolVersion(body: Uint8Array): NegotiateProtocolVersion {
  const reader = new Reader(body, 'NegotiateProtocolVersion')
  const major = reader.uint16()
  if (major !== PROTOCOL_MAJOR) throw reader.malformed(`offers major version ${major}, expected ${PROTOCOL_MAJOR}`)
  const newestMinor = reader.uint16()
  const count = reader.count(reader.int32(), 1)
  const unrecognized: string[] = []
  for (let i = 0; i < count; i++) unrecognized.push(reader.cstring())
  reader.end()
  return { newestMinor, unrecognized }
}

/**
 * The frame of a NegotiateProtocolVersion (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeNegotiateProtocolVersion({ newestMinor: 2, unrecognized: ['_pq_.grease'] })
 */
export function encodeNegotiateProtocolVersion(message: NegotiateProtocolVersion): Uint8Array {
  const writer = new Writer(BACKEND.negotiateProtocolVersion)
  writer.uint16(PROTOCOL_MAJOR)
  writer.uint16(message.newestMinor)
  writer.int32(message.unrecognized.length)
  for (const name of message.unrecognized) writer.cstring(name)
  return writer.finish()
}
