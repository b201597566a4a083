import { join } from 'node:path'
import type { AnchorSource } from '../anchoring/anchor.ts'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { type AnchorsRead, readAnchors } from '../anchoring/read-anchors.ts'
import { parseVerifierKey, type VerifierKey } from '../anchoring/signed-note.ts'
import type { KeyEncryption } from '../format/keys.ts'
import type { ClockJump } from '../verifier/clock-watch.ts'
import { joinLogs, type LogStanding, type LogView } from '../verifier/log-view.ts'
import { type LocalCheckpoint, namedKeys, signedRoots, signedSizes } from '../verifier/signed-roots.ts'
import { type Examination, examineRecording, type Verdict } from '../verifier/verify.ts'
import { LOG_NAME } from '../writer/instance-log.ts'
import { bootFolders, isFileAmong, isRecordingEntry, readLogFiles, recordingOf } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { nodeFiles } from './node-files.ts'
import { readCheckpointFile, signerOf } from './read-checkpoint.ts'

export interface VerifyOptions {
  /** Opens recordings, so that every frame is authenticated as well. Null: the chain alone. */
  readonly keys: KeyEncryption | null
  /** What keeps checkpoints outside the gateway's host. Absent: recordings are checked against the logs beside them alone. */
  readonly anchors?: readonly AnchorSource[]
  /**
   * The gateways' verifier keys (c2sp.org/signed-note), from a source that isn't the directory. Absent: those that the
   * logs name, which whoever rewrites a log could have put there.
   */
  readonly verifierKeys?: readonly string[]
  /** Witnesses' keys: given any, only checkpoints that one of them cosigned count. */
  readonly witnessKeys?: readonly string[]
  /** One recording alone; the logs are read all the same. */
  readonly recording?: string
  /** Told now and then how many bytes of recordings were read, of how many. */
  readonly progress?: (done: number, total: number) => void
  readonly files?: FileSystem
}

/** What one recording is worth as evidence. */
export interface RecordingVerdict {
  readonly recording: string
  /** Null when only the log knows it. */
  readonly file: string | null
  readonly verdict: Verdict
  readonly clockJumps: readonly ClockJump[]
}

/** What one boot's log is worth. */
export interface LogVerdict extends LogStanding {
  /** The checkpoint beside it; null where there is none. */
  readonly checkpoint: LocalCheckpoint | null
  /** The verifier key that the log names as its signer's; null where it names none. */
  readonly signer: string | null
  readonly clockJumps: readonly ClockJump[]
}

/** What a whole directory is worth as evidence. */
export interface DirectoryVerdict {
  readonly recordings: readonly RecordingVerdict[]
  readonly logs: readonly LogVerdict[]
  /** What the anchors keep that no key that is known has signed. Null: no anchors were given. */
  readonly refused: AnchorsRead['refused'] | null
  /** Whose word for the signers' keys was taken. */
  readonly keysFrom: 'verifier' | 'logs'
}

/**
 * Verifies every recording of a directory against its instance logs, and these against what anchors keep; reports what
 * is gone. What is written meanwhile is looked at again.
 *
 * @throws RecordingError DIRECTORY_UNUSABLE; WRONG_KEY when keys are given that don't open a recording; BAD_OPTIONS when
 *   a verifier key is none. What an anchor throws that can't be read.
 * @example
 * const { recordings, logs } = await verifyDirectory('./recordings', {
 *   keys: null,
 *   anchors: [folderAnchorSource('/mnt/anchor')],
 *   verifierKeys: ['gateway-1.example.com+4a5c2f60+AW1…'],
 * })
 * const findings = recordings.filter(({ verdict }) => verdict.kind !== 'COMPLETE')
 */
export async function verifyDirectory(dir: string, options: VerifyOptions): Promise<DirectoryVerdict> {
  const place = { dir, files: options.files ?? nodeFiles, options }
  let logs = await readEvidence(place)
  let recordings = await examineAll(place, logs.view, () => true)
  // A gateway may have written since: what its log said before can be behind what its recordings say now.
  for (let look = 1; look < LOOKS_MAX && recordings.some(({ verdict }) => isWorthALook(verdict)); look++) {
    const now = await readEvidence(place)
    if (statesOf(now.view) === statesOf(logs.view)) break
    const kept = recordings.filter(({ file, verdict }) => file !== null && !isWorthALook(verdict))
    const sound = new Set(kept.map(({ file }) => file))
    const again = await examineAll(place, now.view, file => file === null || !sound.has(file))
    recordings = [...kept, ...again].sort(byRecording)
    logs = now
  }
  return {
    recordings,
    logs: logs.verdicts,
    refused: logs.refused,
    keysFrom: (options.verifierKeys ?? []).length > 0 ? 'verifier' : 'logs',
  }
}

interface Place {
  readonly dir: string
  readonly files: FileSystem
  readonly options: VerifyOptions
}

interface LogEvidence {
  readonly view: LogView
  readonly verdicts: readonly LogVerdict[]
  readonly refused: AnchorsRead['refused'] | null
}

/** Anchors before logs, and logs before recordings: each may have grown past what was read before, and never be behind it. */
async function readEvidence({ dir, files, options }: Place): Promise<LogEvidence> {
  const boots = await bootFolders(dir, files)
  const signers = new Map<string, string>()
  for (const boot of boots) {
    if (!isFileAmong(await files.readFolder(join(dir, boot)), LOG_NAME)) continue
    const signer = await signerOf(join(dir, boot), files)
    if (signer !== null) signers.set(boot, signer)
  }
  const given = (options.verifierKeys ?? []).map(parseVerifierKey)
  const keys = given.length > 0 ? given : namedKeys(signers.values())
  const anchors = await readAllAnchors(options, keys)
  const local = new Map<string, string>()
  for (const boot of boots) {
    if (!isFileAmong(await files.readFolder(join(dir, boot)), CHECKPOINT_NAME)) continue
    const note = await readCheckpointFile(join(dir, boot), files)
    if (note !== null) local.set(boot, note)
  }
  const evidence = signedRoots({ anchors, local, areKeysGiven: given.length > 0, keys })
  const logs = await readLogFiles(dir, files, {
    sizesOf: boot => signedSizes(boot, evidence.signed),
    keys: options.keys,
  })
  const view = joinLogs(logs, evidence.signed)
  const verdicts = view.logs.map(standing => ({
    ...standing,
    checkpoint: evidence.local.get(standing.boot) ?? null,
    signer: signers.get(standing.boot) ?? null,
    clockJumps: logs.get(standing.boot)?.clockJumps ?? [],
  }))
  return { view, verdicts, refused: anchors?.refused ?? null }
}

async function readAllAnchors(options: VerifyOptions, keys: readonly VerifierKey[]): Promise<AnchorsRead | null> {
  if (options.anchors === undefined) return null
  const witnesses = (options.witnessKeys ?? []).map(parseVerifierKey)
  const sources =
    witnesses.length === 0
      ? options.anchors
      : options.anchors.map(({ name, checkpoints }) => ({ name, checkpoints, cosigners: witnesses }))
  return readAnchors(sources, keys)
}

/** Each begins with what is not sound yet: a gateway that writes all the time is not looked at for ever. */
const LOOKS_MAX = 4

/** What another look could change. */
const isWorthALook = ({ kind }: Verdict): boolean => kind !== 'COMPLETE' && kind !== 'OPEN'

const statesOf = ({ logs }: LogView): string =>
  JSON.stringify(logs.map(({ boot, frames, anchoredFrames, state }) => [boot, frames, anchoredFrames, state.kind]))

const byRecording = (a: RecordingVerdict, b: RecordingVerdict): number =>
  a.recording < b.recording ? -1 : a.recording > b.recording ? 1 : 0

async function examineAll(
  place: Place,
  log: LogView,
  isWanted: (file: string | null) => boolean,
): Promise<readonly RecordingVerdict[]> {
  const { dir, files, options } = place
  const found: { readonly recording: string; readonly file: string | null }[] = []
  for (const boot of await bootFolders(dir, files)) {
    for (const entry of await files.readFolder(join(dir, boot))) {
      // One recording in two folders is two: neither may hide behind the other.
      if (isRecordingEntry(entry)) found.push({ recording: recordingOf(entry.name), file: join(dir, boot, entry.name) })
    }
  }
  const present = new Set(found.map(({ recording }) => recording))
  for (const recording of log.recordings.keys()) if (!present.has(recording)) found.push({ recording, file: null })
  const chosen = found
    .filter(({ recording, file }) => isWanted(file) && (options.recording ?? recording) === recording)
    .sort((a, b) => (a.recording < b.recording ? -1 : 1))
  const onBytes = await progressOver(place, chosen)
  const verdicts: RecordingVerdict[] = []
  for (const { recording, file } of chosen) {
    verdicts.push({ recording, file, ...(await examineFile(place, { recording, file, log, onBytes })) })
  }
  return verdicts
}

async function examineFile(
  { files, options }: Place,
  {
    recording,
    file,
    log,
    onBytes,
  }: {
    readonly recording: string
    readonly file: string | null
    readonly log: LogView
    readonly onBytes: (count: number) => void
  },
): Promise<Examination> {
  const evidence = { recording, log, keys: options.keys, onBytes }
  try {
    return await examineRecording({ ...evidence, source: file === null ? null : files.readPieces(file) })
  } catch (error) {
    // Removed since the folder was read: a rule may have, and the log then says so.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    return examineRecording({ ...evidence, source: null })
  }
}

async function progressOver(
  { files, options }: Place,
  chosen: readonly { readonly file: string | null }[],
): Promise<(count: number) => void> {
  const { progress } = options
  if (progress === undefined) return () => undefined
  let total = 0
  for (const { file } of chosen) if (file !== null) total += await sizeOf(file, files)
  let done = 0
  return count => {
    done += count
    progress(done, Math.max(done, total))
  }
}

async function sizeOf(path: string, files: FileSystem): Promise<number> {
  try {
    const file = await files.open(path, 'read')
    try {
      return await file.size()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}
