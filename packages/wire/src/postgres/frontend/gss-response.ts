import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** GSSResponse: the client's next GSSAPI or SSPI token, whose form is the mechanism's. Manual 54.7, GSSResponse. */
export interface GssResponse {
  readonly data: Uint8Array
}

/**
 * Reads the body of a GSSResponse (manual 54.7): all of it is the token, and nothing in it can be refused here.
 *
 * @example
 * const { data } = decodeGssResponse(frame.body)
 */
export function decodeGssResponse(body: Uint8Array): GssResponse {
  return { data: body }
}

/**
 * The frame of a GSSResponse (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * link.write(encodeGssResponse({ data: token }))
 */
export function encodeGssResponse({ data }: GssResponse): Uint8Array {
  const writer = new Writer(FRONTEND.password, data.byteLength)
  writer.bytes(data)
  return writer.finish()
}
