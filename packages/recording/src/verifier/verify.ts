import type { RecordingHeader } from '../format/file-header.ts'
import type { Bytes } from '../format/frame-reader.ts'
import { type KeyEncryption, keyContext, type MetaKeys, metaKeys, wrongKey } from '../format/keys.ts'
import { FRAME_LEN_MAX } from '../format/layout.ts'
import { BATCH_BYTES_MAX } from '../writer/commit-queue.ts'
import type { ClockJump } from './clock-watch.ts'
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
  /** The log knows it and the file is gone. `retired`: by a rule, as a log says; then it is no loss. */
  | {
      readonly kind: 'MISSING'
      readonly recording: string
      readonly lastFrames: number
      /** When, in milliseconds since 1970, and by which rule. */
      readonly retired: { readonly at: number; readonly why: string } | null
    }

/** A recording to verify: its bytes, or null when there is no file. */
export interface Evidence {
  /** The id under which it was found or is looked for. Null: the header's. */
  readonly recording: string | null
  readonly source: Bytes | null
  /** What the instance logs know. Null: none at hand, and then nothing is COMPLETE. */
  readonly log: LogView | null
  /** With the key every frame is authenticated as well. Null: the chain alone. */
  readonly keys: KeyEncryption | null
  /** Told of bytes as they are read. */
  readonly onBytes?: (count: number) => void
}

/** A verdict, and what else a recording shows that says nothing against it. */
export interface Examination {
  readonly verdict: Verdict
  readonly clockJumps: readonly ClockJump[]
}

/**
 * Says what a recording is worth. Reads it once as a stream and needs no key.
 *
 * @throws RecordingError WRONG_KEY when keys are given that don't open the recording.
 * @example
 * const verdict = await verifyRecording({ recording: id, source: createReadStream(file), log, keys: null })
 * if (verdict.kind !== 'COMPLETE') console.log(verdict)
 */
export const verifyRecording = async (evidence: Evidence): Promise<Verdict> =>
  (await examineRecording(evidence)).verdict

/** {@link verifyRecording}, with what else there is to know. */
export async function examineRecording(evidence: Evidence): Promise<Examination> {
  const { log, keys, recording } = evidence
  if (evidence.source === null) return { verdict: missing(recording ?? '', log), clockJumps: [] }
  const known = recording === null ? undefined : log?.recordings.get(recording)
  const scan = await scanRecording(evidence.source, {
    heads: known?.heads ?? new Map(),
    counting: known?.anchoredHeads ?? null,
    keysFor: keys === null ? null : header => openMetaKeys(header, keys),
    ...(evidence.onBytes === undefined ? {} : { onBytes: evidence.onBytes }),
  })
  const { clockJumps } = scan
  if (scan.header !== null && recording !== null && scan.header.recording !== recording) {
    const why = `it is recording ${scan.header.recording}`
    return { verdict: { kind: 'TAMPERED', firstBadSeq: 0, why }, clockJumps }
  }
  return { verdict: judge(scan, { known: known ?? null, log, isKeyed: keys !== null }), clockJumps }
}

/** The META keys that a header's wrapped key gives. */
export async function openMetaKeys(header: RecordingHeader, keys: KeyEncryption): Promise<MetaKeys> {
  if (header.keyId !== keys.id) throw wrongKey(keys.id)
  return metaKeys(await keys.unwrap(header.wrappedMetaKey, keyContext(header.recording, 'meta')))
}

const missing = (recording: string, log: LogView | null): Verdict => {
  const known = log?.recordings.get(recording)
  return { kind: 'MISSING', recording, lastFrames: known?.last.frames ?? 0, retired: known?.retired ?? null }
}

/** What a scan is judged by. */
interface Standard {
  readonly known: RecordingLog | null
  readonly log: LogView | null
  /** Every frame was authenticated. */
  readonly isKeyed: boolean
}

function judge(scan: Scan, { known, log, isKeyed }: Standard): Verdict {
  const frames = scan.head?.frames ?? 0
  const tampered = (firstBadSeq: number, why: string): Verdict => ({ kind: 'TAMPERED', firstBadSeq, why })
  if (scan.broken !== null) return tampered(scan.broken.seq, scan.broken.why)
  if (known !== null && known.last.frames > frames) {
    const why = `the instance log knows ${known.last.frames} frames of it`
    return tampered(isKeyed ? frames : scan.anchored, why)
  }
  if (known !== null && known.ended !== null && (known.ended.kind !== scan.end.kind || known.ended.frames !== frames)) {
    return tampered(scan.anchored, `the instance log says it was ${known.ended.kind}`)
  }
  if (scan.end.kind === 'torn' && scan.end.bytes > TORN_BYTES_MAX) {
    return tampered(frames, `${scan.end.bytes} loose bytes are more than a crash leaves`)
  }
  const rolledBack = rolledBackLog(scan, log)
  if (rolledBack !== null && !isVouchedFor(known)) {
    return tampered(
      scan.anchored,
      `the log of boot ${rolledBack} is not what was signed, and only it vouches for the rest`,
    )
  }
  const suspect = known?.suspect ?? false
  switch (scan.end.kind) {
    case 'open':
      return { kind: 'OPEN', frames, anchoredFrames: scan.anchored, headAt: known?.lastAt ?? null, suspect }
    case 'torn': {
      const { bytes } = scan.end
      return { kind: 'TORN', frames, anchoredFrames: scan.anchored, bytes, recovered: null, suspect }
    }
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

/** The boot whose log should vouch for this recording, or for its recovery, and isn't what was signed; null where all is well. */
function rolledBackLog({ header, end }: Scan, log: LogView | null): string | null {
  const boots = [header?.boot, end.kind === 'recovered' ? end.mark.boot : undefined]
  return log?.logs.find(({ boot, isRolledBack }) => isRolledBack && boots.includes(boot))?.boot ?? null
}

/** Whether a log that was not put back has the recording's end, in an anchored size where anchors were given. */
const isVouchedFor = (known: RecordingLog | null): boolean => known?.ended?.isAnchored === true && !known.unsound

function closedVerdict(scan: Scan, known: RecordingLog | null, reason: string): Verdict {
  const frames = scan.head?.frames ?? 0
  const unanchored = (why: string): Verdict => ({ kind: 'UNANCHORED', frames, since: scan.anchored, why })
  if (known === null) return unanchored('no instance log knows it')
  if (known.unsound) return unanchored('the instance log itself is damaged')
  if (known.ended === null) return unanchored('the instance log never saw it closed')
  if (!known.ended.isAnchored) return unanchored('no anchored checkpoint covers its end')
  return { kind: 'COMPLETE', frames, bytes: scan.offset, reason, suspect: known.suspect }
}
