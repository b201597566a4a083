import { Writer } from '../bytes/writer.ts'
import { FRONTEND } from './tags.ts'

/** CopyData, the same in both directions: a piece of a COPY stream, cut wherever the sender liked. Manual 54.7. */
export interface CopyData {
  readonly data: Uint8Array
}

/**
 * Reads the body of a CopyData (manual 54.7).
 *
 * @example
 * const { data } = decodeCopyData(frame.body)
 */
export function decodeCopyData(body: Uint8Array): CopyData {
  return { data: body }
}

/**
 * The frame of a CopyData (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCopyData({ data: chunk })
 */
export function encodeCopyData({ data }: CopyData): Uint8Array {
  const writer = new Writer(FRONTEND.copyData, data.byteLength)
  writer.bytes(data)
  return writer.finish()
}
