import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** CopyFail: the client gives up a COPY FROM STDIN. Manual 54.7. */
export interface CopyFail {
  /** The client's words, which the server puts in its error. */
  readonly reason: string
}

/**
 * Reads the body of a CopyFail (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { reason } = decodeCopyFail(frame.body)
 */
export function decodeCopyFail(body: Uint8Array): CopyFail {
  const reader = new Reader(body, 'CopyFail')
  const reason = reader.cstring()
  reader.end()
  return { reason }
}

/**
 * The frame of a CopyFail (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCopyFail({ reason: 'the file ended early' })
 */
export function encodeCopyFail({ reason }: CopyFail): Uint8Array {
  const writer = new Writer(FRONTEND.copyFail)
  writer.cstring(reason)
  return writer.finish()
}
