import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** SASLResponse: the client's next words, whose form is the mechanism's. Manual 54.7. */
export interface SaslResponse {
  readonly data: Uint8Array
}

/**
 * Reads the body of an SASLResponse (manual 54.7).
 *
 * @example
 * const { data } = decodeSaslResponse(frame.body)
 */
export function decodeSaslResponse(body: Uint8Array): SaslResponse {
  return { data: body }
}

/**
 * The frame of an SASLResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeSaslResponse({ data: clientFinal })
 */
export function encodeSaslResponse({ data }: SaslResponse): Uint8Array {
  const writer = new Writer(FRONTEND.password)
  writer.bytes(data)
  return writer.finish()
}
