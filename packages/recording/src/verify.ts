import { BATCH_BYTES_MAX } from './commit-queue.ts'
import type { RecordingHeader } from './file-header.ts'
import type { Bytes } from './frame-reader.ts'
import { type KeyEncryption, keyContext, type MetaKeys, metaKeys, wrongKey } from './keys.ts'
import { FRAME_LEN_MAX } from './layout.ts'
import type { LogView, RecordingLog } from './log-view.ts'
import { type Scan, scanRecording } from './scan.ts'

/** The most that a crash can tear: one batch, or one entry where that is larger. */
export const TORN_BYTES_MAX: number = BATCH_BYTES_MAX + FRAME_LEN_MAX

/** What a recording is worth as evidence. Frames are counted from the start; `seq` numbers them from 0. */
export type Verdict =
  /** Closed, unbroken, and just what the instance log says. */
  | {
      readonly kind: 'COMPLETE'
      readonly frames: number
      readonly bytes: number
      readonly reason: string
      /** The tail failed while it was written: all that it was given is here, and was not always as safe as promised. */
      readonly suspect: boolean
    }
  /** Not closed, no damage: still being written, or its writer died between two frames. */
  | {
      readonly kind: 'OPEN'
      readonly frames: number
      /** Frames that the log vouches for, and when it did (milliseconds since 1970), or null. */
      readonly anchoredFrames: number
      readonly headAt: number | null
      /** Its disk failed while it was written. */
      readonly suspect: boolean
    }
  /** Its writer died. `recovered` names who sealed the rest; null when nobody has yet and `bytes` hang loose. */
  | {
      readonly kind: 'TORN'
      readonly frames: number
      readonly anchoredFrames: number
      readonly bytes: number
      readonly recovered: { readonly boot: string } | null
      readonly suspect: boolean
    }
  /** Closed and unbroken in itself, but no sound log vouches for frames from `since` on. */
  | { readonly kind: 'UNANCHORED'; readonly frames: number; readonly since: number; readonly why: string }
  /** Not what was written. `firstBadSeq` is the earliest frame that can be at fault. */
  | { readonly kind: 'TAMPERED'; readonly firstBadSeq: number; readonly why: string }
  /** The log knows it and the file is gone. */
  | { readonly kind: 'MISSING'; readonly recording: string; readonly lastFrames: number }

/** A recording to verify: its bytes, or null when there is no file. */
export interface Evidence {
  /** The id under which it was found or is looked for. Null: the header's. */
  readonly recording: string | null
  readonly source: Bytes | null
  /** What the instance logs know. Null: none at hand, and then nothing is COMPLETE. */
  readonly log: LogView | null
  /** With the key every frame is authenticated as well. Null: the chain alone. */
  readonly keys: KeyEncryption | null
}

/**
 * Says what a recording is worth. Reads it once as a stream and needs no key.
 *
 * @throws RecordingError WRONG_KEY when keys are given that don't open the recording.
 * @example
 * const verdict = await verifyRecording({ recording: id, source: createReadStream(file), log, keys: null })
 * if (verdict.kind !== 'COMPLETE') console.log(verdict)
 */
export async function verifyRecording(evidence: Evidence): Promise<Verdict> {
  const { log, keys, recording } = evidence
  if (evidence.source === null) return missing(recording ?? '', log)
  const known = recording === null ? undefined : log?.recordings.get(recording)
  const scan = await scanRecording(evidence.source, {
    heads: known?.heads ?? new Map(),
    keysFor: keys === null ? null : header => openMetaKeys(header, keys),
  })
  if (scan.header !== null && recording !== null && scan.header.recording !== recording) {
    return { kind: 'TAMPERED', firstBadSeq: 0, why: `it is recording ${scan.header.recording}` }
  }
  return judge(scan, known ?? null)
}

/** The META keys that a header's wrapped key gives. */
export async function openMetaKeys(header: RecordingHeader, keys: KeyEncryption): Promise<MetaKeys> {
  if (header.keyId !== keys.id) throw wrongKey(keys.id)
  return metaKeys(await keys.unwrap(header.wrappedMetaKey, keyContext(header.recording, 'meta')))
}

const missing = (recording: string, log: LogView | null): Verdict => ({
  kind: 'MISSING',
  recording,
  lastFrames: log?.recordings.get(recording)?.last.frames ?? 0,
})

function judge(scan: Scan, known: RecordingLog | null): Verdict {
  const frames = scan.head?.frames ?? 0
  if (scan.broken !== null) return { kind: 'TAMPERED', firstBadSeq: scan.broken.seq, why: scan.broken.why }
  if (known !== null && known.last.frames > frames) {
    return { kind: 'TAMPERED', firstBadSeq: frames, why: `the instance log knows ${known.last.frames} frames of it` }
  }
  if (known !== null && known.ended !== null && (known.ended.kind !== scan.end.kind || known.ended.frames !== frames)) {
    return { kind: 'TAMPERED', firstBadSeq: scan.anchored, why: `the instance log says it was ${known.ended.kind}` }
  }
  const suspect = known?.suspect ?? false
  switch (scan.end.kind) {
    case 'open':
      return { kind: 'OPEN', frames, anchoredFrames: scan.anchored, headAt: known?.lastAt ?? null, suspect }
    case 'torn':
      return scan.end.bytes > TORN_BYTES_MAX
        ? { kind: 'TAMPERED', firstBadSeq: frames, why: `${scan.end.bytes} loose bytes are more than a crash leaves` }
        : { kind: 'TORN', frames, anchoredFrames: scan.anchored, bytes: scan.end.bytes, recovered: null, suspect }
    case 'recovered': {
      const { boot, discardedBytes } = scan.end.mark
      return {
        kind: 'TORN',
        frames,
        anchoredFrames: scan.anchored,
        bytes: discardedBytes,
        recovered: { boot },
        suspect,
      }
    }
    case 'closed':
      return closedVerdict(scan, known, scan.end.mark.reason)
  }
}

function closedVerdict(scan: Scan, known: RecordingLog | null, reason: string): Verdict {
  const frames = scan.head?.frames ?? 0
  const unanchored = (why: string): Verdict => ({ kind: 'UNANCHORED', frames, since: scan.anchored, why })
  if (known === null) return unanchored('no instance log knows it')
  if (known.unsound) return unanchored('the instance log itself is damaged')
  if (known.ended === null) return unanchored('the instance log never saw it closed')
  return { kind: 'COMPLETE', frames, bytes: scan.offset, reason, suspect: known.suspect }
}
