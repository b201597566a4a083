import type { CborMap, Fields } from './canonical-cbor.ts'
import type { RecoveryMark } from './event.ts'

/** What a CLOSE frame says, in clear, so that completeness can be checked without a key. */
export interface CloseMark {
  readonly reason: string
  /** Frames in the file, this one included. */
  readonly totalFrames: number
  /** Bytes of the file before this frame. */
  readonly totalBytes: number
  /** The chain's value before this frame. */
  readonly chain: Uint8Array
}

export const closeBody = (mark: CloseMark): CborMap => ({
  reason: mark.reason,
  total_frames: mark.totalFrames,
  total_bytes: mark.totalBytes,
  chain: mark.chain,
})

export const decodeClose = (fields: Fields): CloseMark => ({
  reason: fields.string('reason'),
  totalFrames: fields.number('total_frames'),
  totalBytes: fields.number('total_bytes'),
  chain: fields.bytes('chain'),
})

export const recoveryBody = (mark: RecoveryMark): CborMap => ({
  boot_id: mark.boot,
  last_seq: mark.lastSeq,
  last_chain: mark.lastChain,
  discarded_len: mark.discardedBytes,
  discarded_sha256: mark.discardedSha256,
  tail_entries: mark.tailEntries,
})

export const decodeRecovery = (fields: Fields): RecoveryMark => ({
  boot: fields.string('boot_id'),
  lastSeq: fields.number('last_seq'),
  lastChain: fields.bytes('last_chain'),
  discardedBytes: fields.number('discarded_len'),
  discardedSha256: fields.bytes('discarded_sha256'),
  tailEntries: fields.maybe('tail_entries', key => fields.number(key)) ?? 0,
})
