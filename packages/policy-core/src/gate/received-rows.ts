import type { RowRecording } from '../decision.ts'
import type { Entry, RecordedColumn } from '../entry.ts'
import type { Cell, ResultColumn, SessionRecorder } from '../hooks.ts'
import type { Cleared } from './cleared.ts'

/** Rows on their way to a client, in masks, as the wire carries them. */
export interface RowBatch {
  /**
   * Whole DataRow or CopyData frames; of one that is too large to be held also a part, which must be a batch of its own. Read
   * before the call returns; the caller's again then.
   */
  readonly frames: Uint8Array
  /** How many rows end in it: 0 for all parts of a row but the last. */
  readonly rows: number
  /** Those of the result; the same object for as long as they are the same. Null where there are none (COPY). */
  readonly columns: readonly RecordedColumn[] | null
}

/** How far the recording of one statement's rows has come. */
interface Progress {
  rows: number
  columns: RowBatch['columns']
}

type RowsEntry = Extract<Entry, { kind: 'rows' }>

/** Gives the recorder as much of a session's rows as the policy asks for, numbered through each statement's result. */
export class ReceivedRows {
  readonly #recorder: SessionRecorder
  readonly #progress = new WeakMap<Cleared, Progress>()

  constructor(recorder: SessionRecorder) {
    this.#recorder = recorder
  }

  /** Resolves when the recorder can take more. */
  take(cleared: Cleared, batch: RowBatch): Promise<void> {
    const asked = cleared.obligations.rows
    if (asked === undefined) return DONE
    const progress = this.#progressOf(cleared)
    const { rows, columns } = batch
    const first = progress.rows
    const entry: RowsEntry = {
      kind: 'rows',
      statement: cleared.number,
      first,
      rows,
      columns: columns === progress.columns ? null : columns,
      frames: batch.frames,
    }
    progress.rows += rows
    progress.columns = columns
    return this.#append(entry, wantedOf(asked, first))
  }

  /** @param wanted how many rows of it are to be kept; of the others a digest is */
  #append(entry: RowsEntry, wanted: number): Promise<void> {
    if (wanted <= 0) return this.#recorder.append({ ...entry, keep: 'digest' })
    if (wanted >= entry.rows) return this.#recorder.append(entry)
    const { frames, first, rows } = entry
    const end = endOfFrames(frames, wanted)
    const kept = this.#recorder.append({ ...entry, rows: wanted, frames: frames.subarray(0, end) })
    const others = this.#recorder.append({
      ...entry,
      first: first + wanted,
      rows: rows - wanted,
      columns: null,
      frames: frames.subarray(end),
      keep: 'digest',
    })
    return Promise.all([kept, others]).then(nothing)
  }

  #progressOf(cleared: Cleared): Progress {
    const known = this.#progress.get(cleared)
    if (known !== undefined) return known
    const progress = { rows: 0, columns: null }
    this.#progress.set(cleared, progress)
    return progress
  }
}

const DONE: Promise<void> = Promise.resolve()
const nothing = (): void => undefined

function wantedOf(asked: RowRecording, first: number): number {
  switch (asked.kind) {
    case 'digest':
      return 0
    case 'first':
      return asked.rows - first
    case 'all':
      return Number.POSITIVE_INFINITY
  }
}

/** Where so many frames end: a tag, and a length that counts itself but not the tag. */
function endOfFrames(frames: Uint8Array, count: number): number {
  const view = new DataView(frames.buffer, frames.byteOffset, frames.byteLength)
  let at = 0
  for (let frame = 0; frame < count; frame++) at += 1 + view.getUint32(at + 1)
  return at
}

/** Frames are made in batches of about so many bytes. */
const BATCH_BYTES = 65_536
const DATA_ROW = 0x44

/** Gives the recorder rows that somebody holds as cells, in the form that the wire has for them. */
export async function takeCells(
  received: ReceivedRows,
  cleared: Cleared,
  columns: readonly ResultColumn[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  if (cleared.obligations.rows === undefined) return
  let frames: Uint8Array[] = []
  let bytes = 0
  const give = async (): Promise<void> => {
    await received.take(cleared, { frames: joined(frames, bytes), rows: frames.length, columns })
    frames = []
    bytes = 0
  }
  for (const row of rows) {
    const frame = dataRow(row)
    frames.push(frame)
    bytes += frame.length
    if (bytes >= BATCH_BYTES) await give()
  }
  if (bytes > 0) await give()
}

const utf8 = new TextEncoder()

/** A DataRow (PostgreSQL manual, message formats): the number of fields, then each with its length, -1 for NULL. */
function dataRow(cells: readonly Cell[]): Uint8Array {
  const fields = cells.map(cell => (typeof cell === 'string' ? utf8.encode(cell) : cell))
  const length = fields.reduce((sum, field) => sum + 4 + (field?.length ?? 0), 6)
  const frame = new Uint8Array(1 + length)
  const view = new DataView(frame.buffer)
  frame[0] = DATA_ROW
  view.setUint32(1, length)
  view.setUint16(5, fields.length)
  let at = 7
  for (const field of fields) {
    view.setInt32(at, field?.length ?? -1)
    if (field !== null) frame.set(field, at + 4)
    at += 4 + (field?.length ?? 0)
  }
  return frame
}

function joined(frames: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes)
  let at = 0
  for (const frame of frames) {
    all.set(frame, at)
    at += frame.length
  }
  return all
}
