import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { isSecretKeyBytes } from '../startup.ts'
import { BACKEND } from '../tags.ts'

/** BackendKeyData: what a CancelRequest for this connection has to show. Manual 54.7, BackendKeyData. */
export interface BackendKeyData {
  readonly processId: number
  /** 4 bytes before protocol 3.2, 4 to 256 from then on. */
  readonly secretKey: Uint8Array
}

/** The minor version of protocol 3 that was agreed on (manual 54.1); null where it isn't known: any length may be right. */
export interface AgreedVersion {
  readonly minor: number | null
}

const UNKNOWN: AgreedVersion = { minor: null }

/**
 * Reads the body of a BackendKeyData (manual 54.7).
 *
 * @throws FrameError `MALFORMED`, also for a key whose length isn't one of the version's (threats E9)
 * @example
 * const { processId, secretKey } = decodeBackendKeyData(frame.body, { minor: 0 })
 */
export function decodeBackendKeyData(body: Uint8Array, { minor }: AgreedVersion = UNKNOWN): BackendKeyData {
  const reader = new Reader(body, 'BackendKeyData')
  const processId = reader.int32()
  const secretKey = reader.rest()
  if (!isSecretKeyBytes(secretKey.byteLength, minor)) throw reader.malformed(wrongKey(secretKey.byteLength, minor))
  return { processId, secretKey }
}

/**
 * The frame of a BackendKeyData (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`, also for a key whose length isn't one of the version's
 * @example
 * link.write(encodeBackendKeyData({ processId: 4711, secretKey: randomBytes(32) }, { minor: 2 }))
 */
export function encodeBackendKeyData(
  { processId, secretKey }: BackendKeyData,
  { minor }: AgreedVersion = UNKNOWN,
): Uint8Array {
  const bytes = secretKey.byteLength
  if (!isSecretKeyBytes(bytes, minor)) throw new FrameError('UNENCODABLE', `BackendKeyData ${wrongKey(bytes, minor)}`)
  const writer = new Writer(BACKEND.backendKeyData, 4 + bytes)
  writer.int32(processId)
  writer.bytes(secretKey)
  return writer.finish()
}

const wrongKey = (bytes: number, minor: number | null): string =>
  `has a key of ${bytes} bytes, which is none of protocol ${minor === null ? '3' : `3.${minor}`}`
