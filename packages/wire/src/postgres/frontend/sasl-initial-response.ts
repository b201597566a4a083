import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** SASLInitialResponse: the client's choice of mechanism, and its first words. Manual 54.7. */
export interface SaslInitialResponse {
  readonly mechanism: string
  /** Null where the client says nothing yet. */
  readonly response: Uint8Array | null
}

/**
 * Reads the body of an SASLInitialResponse (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { mechanism, response } = decodeSaslInitialResponse(frame.body)
 */
export function decodeSaslInitialResponse(body: Uint8Array): SaslInitialResponse {
  const reader = new Reader(body, 'SASLInitialResponse')
  const mechanism = reader.cstring()
  const response = reader.nullableBytes()
  reader.end()
  return { mechanism, response }
}

/**
 * The frame of an SASLInitialResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeSaslInitialResponse({ mechanism: 'SCRAM-SHA-256', response: clientFirst })
 */
export function encodeSaslInitialResponse({ mechanism, response }: SaslInitialResponse): Uint8Array {
  const writer = new Writer(FRONTEND.password)
  writer.cstring(mechanism)
  writer.nullableBytes(response)
  return writer.finish()
}
