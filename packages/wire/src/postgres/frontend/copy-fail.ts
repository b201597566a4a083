import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** CopyFail: the client gives up a COPY FROM STDIN. */
export interface CopyFail {
  /** The client's words, which the server puts in its error. */
  readonly reason: string
}

/**
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

/** @throws FrameError `UNENCODABLE` */
export function encodeCopyFail({ reason }: CopyFail): Uint8Array {
  const writer = new Writer(FRONTEND.copyFail)
  writer.cstring(reason)
  return writer.finish()
}
