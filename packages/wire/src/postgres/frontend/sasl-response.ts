import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** SASLResponse: the client's next words, whose form is the mechanism's. */
export interface SaslResponse {
  readonly data: Uint8Array
}

/**
 * @example
 * const { data } = decodeSaslResponse(frame.body)
 */
export function decodeSaslResponse(body: Uint8Array): SaslResponse {
  return { data: body }
}

/** @throws FrameError `UNENCODABLE` */
export function encodeSaslResponse({ data }: SaslResponse): Uint8Array {
  const writer = new Writer(FRONTEND.password)
  writer.bytes(data)
  return writer.finish()
}
