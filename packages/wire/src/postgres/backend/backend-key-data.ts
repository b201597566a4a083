import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { isSecretKeyBytes } from '../startup.ts'
import { BACKEND } from '../tags.ts'

/** BackendKeyData: what a CancelRequest for this connection has to show. */
export interface BackendKeyData {
  readonly processId: number
  /** 4 bytes in protocol 3.0, 4 to 256 from 3.2 on; which of them holds is for who knows the version to check. */
  readonly secretKey: Uint8Array
}

/**
 * @throws FrameError `MALFORMED`
 * @example
 * const { processId, secretKey } = decodeBackendKeyData(frame.body)
 */
export function decodeBackendKeyData(body: Uint8Array): BackendKeyData {
  const reader = new Reader(body, 'BackendKeyData')
  const processId = reader.int32()
  const secretKey = reader.rest()
  if (!isSecretKeyBytes(secretKey.byteLength)) {
    throw reader.malformed(`has a key of ${secretKey.byteLength} bytes, expected 4 to 256`)
  }
  return { processId, secretKey }
}

/** @throws FrameError `UNENCODABLE` */
export function encodeBackendKeyData({ processId, secretKey }: BackendKeyData): Uint8Array {
  const bytes = secretKey.byteLength
  if (!isSecretKeyBytes(bytes)) throw new FrameError('UNENCODABLE', `secret key has ${bytes} bytes, expected 4 to 256`)
  const writer = new Writer(BACKEND.backendKeyData, 4 + bytes)
  writer.int32(processId)
  writer.bytes(secretKey)
  return writer.finish()
}
