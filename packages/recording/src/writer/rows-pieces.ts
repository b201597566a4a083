import type { Entry } from '@querywarden/policy-core'
import { CborWriter } from '../format/cbor-writer.ts'
import { FRAME_LEN_MAX } from '../format/layout.ts'

export type RowsEntry = Extract<Entry, { kind: 'rows' }>

/** So many bytes of rows go in a frame; a row that is longer has one for itself. */
const PIECE_BYTES = 262_144
/** What a frame takes beside the rows: header, tags, and META without names of columns. */
const FRAME_ROOM_BYTES = 512
/** A message of the wire protocol begins with its type and its length, which counts itself but not the type. */
const LENGTH_AT = 1
const MESSAGE_BYTES_MIN = 5

export const keepsFrames = (keep: RowsEntry['keep']): boolean => keep === undefined || keep === 'frames'

/** Rows that fit in no frame of a recording. */
export const isTooLarge = ({ frames }: RowsEntry): boolean => frames.length + FRAME_ROOM_BYTES > FRAME_LEN_MAX

/** About what the entry takes in frames of its own. */
export function rowsBytes({ frames, columns, keep }: RowsEntry): number {
  const pieces = Math.ceil(frames.length / PIECE_BYTES) + 1
  const names = columns?.reduce((bytes, { name }) => bytes + 3 * name.length + COLUMN_ROOM_BYTES, 0) ?? 0
  return pieces * FRAME_ROOM_BYTES + names + (keepsFrames(keep) ? frames.length : 0)
}

/** The keys, type and format of one column in META. */
const COLUMN_ROOM_BYTES = 48

/**
 * Cuts rows into entries whose frames are of a moderate size, between two rows. The first has the columns. A message
 * counts for a row while there are rows; what isn't made of messages stays in one piece.
 */
export function rowsPieces(entry: RowsEntry): readonly RowsEntry[] {
  if (!keepsFrames(entry.keep) || entry.frames.length <= PIECE_BYTES) return [entry]
  const { frames } = entry
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength)
  const pieces: RowsEntry[] = []
  let [from, first, messages] = [0, entry.first, 0]
  const cut = (end: number, rows: number): void => {
    pieces.push({
      ...entry,
      first,
      rows,
      columns: pieces.length === 0 ? entry.columns : null,
      frames: frames.subarray(from, end),
    })
    first += rows
    from = end
    messages = 0
  }
  const left = (): number => entry.first + entry.rows - first
  for (let at = 0; at < frames.length; ) {
    const end = messageEnd(view, at)
    if (end - from > PIECE_BYTES && messages > 0) cut(at, Math.min(messages, left()))
    messages += 1
    at = end
  }
  cut(frames.length, left())
  return pieces
}

/** Where the message that begins there ends; the end of all where it is none. */
function messageEnd(view: DataView, at: number): number {
  if (at + MESSAGE_BYTES_MIN > view.byteLength) return view.byteLength
  const end = at + LENGTH_AT + Math.max(view.getUint32(at + LENGTH_AT), MESSAGE_BYTES_MIN - LENGTH_AT)
  return Math.min(end, view.byteLength)
}

/** The CBOR of `{frames}`, in pieces: the rows themselves are copied nowhere. */
export function framesValue(frames: Uint8Array): readonly Uint8Array[] {
  const head = new CborWriter(HEAD_BYTES)
  head.map(1)
  head.text('frames')
  head.bytesHead(frames.length)
  return [head.written, frames]
}

const HEAD_BYTES = 32
