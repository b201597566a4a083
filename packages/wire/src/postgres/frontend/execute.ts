import { FrameError } from '../../bytes/frame-error.ts'
import { Reader } from '../../bytes/reader.ts'
import { Writer } from '../../bytes/writer.ts'
import { FRONTEND } from '../tags.ts'

/** Execute: runs a portal, or goes on with one. Manual 54.7. */
export interface Execute {
  /** The portal's name; empty for the unnamed one. */
  readonly portal: string
  /** Stop after so many rows; 0 is no limit. */
  readonly rowsMax: number
}

/**
 * Reads the body of an Execute (manual 54.7).
 * A negative limit is refused: the server takes it for none, which a check of `rowsMax` would not.
 *
 * @throws FrameError `MALFORMED`
 * @example
 * const { portal, rowsMax } = decodeExecute(frame.body)
 */
export function decodeExecute(body: Uint8Array): Execute {
  const reader = new Reader(body, 'Execute')
  const portal = reader.cstring()
  const rowsMax = reader.int32()
  if (rowsMax < 0) throw reader.malformed(`has a limit of ${rowsMax} rows, expected 0 or more`)
  reader.end()
  return { portal, rowsMax }
}

/**
 * The frame of an Execute (manual 54.7).
 *
 * @throws FrameError `UNENCODABLE`
 * @example
 * encodeExecute({ portal: '', rowsMax: 0 })
 */
export function encodeExecute({ portal, rowsMax }: Execute): Uint8Array {
  if (rowsMax < 0) throw new FrameError('UNENCODABLE', `limit of ${rowsMax} rows is negative`, { rowsMax })
  const writer = new Writer(FRONTEND.execute, portal.length + 5)
  writer.cstring(portal)
  writer.int32(rowsMax)
  return writer.finish()
}
