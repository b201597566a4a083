import { RecordingError } from '../errors.ts'
import { isSameDigest } from '../format/chain.ts'
import { decodeClearEvent, decodeEvent } from '../format/decode-event.ts'
import type { RecordedEvent } from '../format/event.ts'
import { decodeRecordingHeader, type RecordingHeader } from '../format/file-header.ts'
import { type Bytes, readPieces } from '../format/frame-reader.ts'
import type { KeyEncryption, MetaKeys, ValueKeys } from '../format/keys.ts'
import { keyContext, valueKeys } from '../format/keys.ts'
import { FRAME_TYPES, RECORDING_MAGIC } from '../format/layout.ts'
import { readBlock } from '../format/read-block.ts'
import { forged, isGenuineClear, openFrame } from '../format/seal.ts'
import { openMetaKeys } from '../verifier/verify.ts'
import { withWholeRows } from './whole-rows.ts'

/** A recording to read. */
export interface RecordingSource {
  readonly source: Bytes
  readonly keys: KeyEncryption
  /** The wrapped VALUE key, or null when it was destroyed: literals and values then read as null. */
  readonly wrappedValueKey: Uint8Array | null
}

/**
 * Reads a recording's events in order, each authenticated before it is given. A recording that was not closed ends in
 * a `broken-off` event, so that no reader takes it for whole.
 *
 * @throws RecordingError WRONG_KEY; FORGED at a frame that isn't genuine; MALFORMED.
 * @example
 * for await (const event of readEvents({ source, keys, wrappedValueKey })) console.log(event.kind)
 */
export const readEvents = (recording: RecordingSource): AsyncGenerator<RecordedEvent, void, undefined> =>
  withWholeRows(eachEvent(recording))

async function* eachEvent(recording: RecordingSource): AsyncGenerator<RecordedEvent, void, undefined> {
  let opened: { header: RecordingHeader; meta: MetaKeys; value: ValueKeys | null } | null = null
  let seq = 0
  let isEnded = false
  for await (const piece of readPieces(recording.source, RECORDING_MAGIC)) {
    if (piece.kind === 'header') {
      const header = decodeRecordingHeader(piece.cbor)
      opened = {
        header,
        meta: await openMetaKeys(header, recording.keys),
        value: await openValueKeys(header, recording),
      }
    } else if (piece.kind === 'frame') {
      const { frame, before } = piece
      if (opened === null) throw new RecordingError('MALFORMED', 'a frame before the header')
      if (frame.clear && !isGenuineClear(frame, before, opened.meta)) throw forged(frame.seq)
      if (!frame.clear) yield decodeEvent(frame, openFrame(frame, before, opened.meta, opened.value), opened.header)
      else if (frame.type === FRAME_TYPES.block) yield* readBlock(frame, opened.meta, opened.value)
      else yield decodeClearEvent(frame)
      seq = frame.seq + 1
      isEnded = frame.final
    } else if (opened === null) {
      throw new RecordingError('MALFORMED', `not a recording: ${piece.why ?? 'no header'}`)
    } else if (!isEnded || piece.rest > 0) {
      yield { kind: 'broken-off', seq, tornBytes: piece.rest, why: piece.why ?? 'it was never closed' }
    }
  }
}

async function openValueKeys(header: RecordingHeader, recording: RecordingSource): Promise<ValueKeys | null> {
  if (recording.wrappedValueKey === null) return null
  const dek = await recording.keys.unwrap(recording.wrappedValueKey, keyContext(header.recording, 'value'))
  const keys = valueKeys(dek)
  if (isSameDigest(keys.check, header.valueCheck)) return keys
  throw new RecordingError(
    'WRONG_KEY',
    'the key for its values belongs to another recording: restore its own, or give none',
  )
}
