import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { BACKEND } from '../tags.ts'

/** CommandComplete: a statement ran to its end. Manual 54.7. */
export interface CommandComplete {
  /** What ran and how many rows it touched, as `UPDATE 3`. */
  readonly tag: string
}

/**
 * Reads the body of a CommandComplete (manual 54.7).
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { tag } = decodeCommandComplete(frame.body)
 */
export function decodeCommandComplete(body: Uint8Array): CommandComplete {
  const reader = new Reader(body, 'CommandComplete')
  const tag = reader.cstring()
  reader.end()
  return { tag }
}

/**
 * The frame of a CommandComplete (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeCommandComplete({ tag: 'UPDATE 3' })
 */
export function encodeCommandComplete({ tag }: CommandComplete): Uint8Array {
  const writer = new Writer(BACKEND.commandComplete, tag.length + 1)
  writer.cstring(tag)
  return writer.finish()
}
