import type { DirectoryVerdict, LogVerdict, RecordingVerdict, Verdict } from '@querywarden/recording'
import { logLine, verdictLine } from './recordings.ts'

/** What `sessions verify --json` prints. Fields are added, never changed. */
export interface VerifyReport {
  /** How many recordings have which verdict; those that a rule removed count as RETIRED. */
  readonly summary: Readonly<Record<Verdict['kind'] | 'RETIRED', number>>
  /** What it was checked against. */
  readonly anchors: readonly string[]
  /** `verifier`: the keys were given. `logs`: those that the logs name were taken. */
  readonly keysFrom: DirectoryVerdict['keysFrom']
  readonly recordings: readonly RecordingVerdict[]
  readonly logs: readonly unknown[]
  readonly refused: DirectoryVerdict['refused']
  /** What speaks against the recordings, in words; none of it means exit code 0. */
  readonly findings: readonly Finding[]
  /** What is worth knowing, and speaks against nothing. */
  readonly notes: readonly string[]
}

export interface Finding {
  readonly about: string
  readonly what: string
  /** What it means, and what to do. */
  readonly meaning: string
}

/** So many complete recordings are listed one by one. */
const LISTED_MAX = 20

export const isSound = ({ findings }: VerifyReport): boolean => findings.length === 0

export function reportOf(
  verdict: DirectoryVerdict,
  given: { readonly anchors: readonly string[]; readonly isWhole: boolean },
): VerifyReport {
  const summary = { COMPLETE: 0, OPEN: 0, TORN: 0, UNANCHORED: 0, TAMPERED: 0, MISSING: 0, RETIRED: 0 }
  for (const { verdict: one } of verdict.recordings) summary[isRetired(one) ? 'RETIRED' : one.kind] += 1
  const logs = given.isWhole ? verdict.logs : []
  return {
    summary,
    anchors: given.anchors,
    keysFrom: verdict.keysFrom,
    recordings: verdict.recordings,
    logs: logs.map(log => ({ ...log, checkpoint: plainCheckpoint(log) })),
    refused: verdict.refused,
    findings: [
      ...verdict.recordings.flatMap(recordingFinding),
      ...logs.flatMap(logFindings),
      ...(verdict.refused ?? []).filter(({ isUnfinished }) => !isUnfinished).map(refusedFinding),
    ],
    notes: [...verdict.recordings.flatMap(jumpNotes), ...logs.flatMap(logNotes), ...keyNotes(verdict, given.anchors)],
  }
}

const isRetired = (verdict: Verdict): boolean => verdict.kind === 'MISSING' && verdict.retired !== null

const plainCheckpoint = ({ checkpoint }: LogVerdict): unknown =>
  checkpoint?.kind === 'signed'
    ? { kind: 'signed', size: checkpoint.head.size, root: Buffer.from(checkpoint.head.root).toString('hex') }
    : checkpoint

/** What a verdict means to somebody who has to act on it. */
const MEANINGS: Readonly<Record<Exclude<Verdict['kind'], 'COMPLETE'>, string>> = {
  OPEN: 'the session is still recorded, or its gateway died: verify again once it has ended, or after the gateway was started again',
  TORN: 'a crash ended it. All up to the RECOVERY frame is what was written; what was let run in the last second may be missing. Look why the gateway died',
  UNANCHORED:
    'it is unbroken in itself, and nothing else says that it is the one that was written: verify with the anchors and all folders of the directory, and again in a minute if it ended just now',
  TAMPERED:
    'it is not what was written. Take a copy of the whole directory before anything else touches it, compare it with the last backup or bucket, and find out who could write there',
  MISSING:
    'the log knows it, no rule removed it, and the file is not there. Look in backups and buckets, and find out who could delete there',
}

function recordingFinding(one: RecordingVerdict): readonly Finding[] {
  const { kind } = one.verdict
  if (kind === 'COMPLETE' || isRetired(one.verdict)) return []
  return [{ about: one.recording, what: verdictLine(one), meaning: MEANINGS[kind] }]
}

function logFindings(log: LogVerdict): readonly Finding[] {
  const findings: Finding[] = []
  const line = logLine(log)
  if (line !== null) {
    const meaning =
      'recordings that only this log knew could be gone without a trace here. Compare it with a backup, a bucket, or the anchors; take a copy of the directory first'
    findings.push({ about: log.boot, what: line, meaning })
  }
  if (log.checkpoint?.kind === 'refused' && !log.checkpoint.isUnfinished) {
    const what = `${log.boot}  CHECKPOINT   ${log.checkpoint.why}`
    findings.push({
      about: log.boot,
      what,
      meaning:
        'the checkpoint beside the log was changed, or another key signs: compare it with the anchors, and give all keys with --key',
    })
  }
  return findings
}

const refusedFinding = ({ anchor, boot, why }: NonNullable<DirectoryVerdict['refused']>[number]): Finding => ({
  about: boot,
  what: `${boot}  ANCHOR       ${anchor} keeps a checkpoint that doesn't count: ${why}`,
  meaning: 'somebody else wrote there, or a key that you did not give signs: give all keys with --key',
})

const jumpNotes = ({ recording, clockJumps }: RecordingVerdict): readonly string[] =>
  clockJumps.map(
    ({ clock, seq, ms }) =>
      `${recording}  before frame ${seq} the ${clock} clock went ${ms < 0 ? 'back' : 'on'} by ${Math.abs(ms) / 1_000} s: times from there on are of another clock`,
  )

/** How many seconds of a log a checkpoint may be behind it. */
function logNotes({ boot, frames, anchoredFrames, checkpoint, signer, state }: LogVerdict): readonly string[] {
  const notes: string[] = []
  if (anchoredFrames !== null && anchoredFrames < frames && state.kind !== 'damaged') {
    notes.push(`${boot}  ${frames - anchoredFrames} of ${frames} entries of its log are not anchored`)
  }
  if (checkpoint?.kind === 'signed' && checkpoint.head.size < (anchoredFrames ?? 0)) {
    notes.push(`${boot}  the checkpoint beside its log is older than what is anchored: only the anchors count`)
  }
  if (checkpoint === null && signer !== null)
    notes.push(`${boot}  its log says that it is signed, and no checkpoint is beside it`)
  if (state.kind === 'torn') notes.push(`${boot}  its log ends in ${state.bytes} bytes that a crash tore`)
  return notes
}

function keyNotes({ keysFrom, logs }: DirectoryVerdict, anchors: readonly string[]): readonly string[] {
  const isSigned = logs.some(({ signer }) => signer !== null)
  const notes: string[] = []
  if (keysFrom === 'logs' && (isSigned || anchors.length > 0)) {
    notes.push(
      'signed by the key that the log itself names: whoever rewrote the log could have put it there; give the key with --key',
    )
  }
  if (anchors.length === 0) {
    notes.push(
      'without --anchor, recordings were held against the logs beside them alone: who could rewrite both would not be seen',
    )
  }
  return notes
}

/** The report for people: what it comes to, then what speaks against it, then what is worth knowing. */
export function linesOf({ summary, recordings, findings, notes }: VerifyReport): readonly string[] {
  const counts = Object.entries(summary).filter(([, count]) => count > 0)
  const sound = recordings.filter(one => recordingFinding(one).length === 0)
  return [
    `${counts.map(([kind, count]) => `${count} ${kind.toLowerCase()}`).join(', ') || 'no recordings'}; ${findings.length} ${findings.length === 1 ? 'finding' : 'findings'}`,
    ...(sound.length <= LISTED_MAX ? sound.map(verdictLine) : []),
    ...findings.flatMap(({ what, meaning }) => [what, `    ${meaning}`]),
    ...notes.map(note => `note: ${note}`),
  ]
}

/** A file without its folder: it can say of itself that it is unbroken, and no more. */
export const loneFileLines = (found: RecordingVerdict): readonly string[] => [
  verdictLine(found),
  '    there is no instance log beside this file. What can be known: whether its frames are whole, in order and linked to each other and to its end.',
  '    What can’t: whether it is the recording that was written, and not one made up since. Verify it in its directory, with the anchors.',
]
