import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Clock } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { chainNext } from '../format/chain.ts'
import { recoveryBody } from '../format/closing.ts'
import type { KeyEncryption, MetaKeys } from '../format/keys.ts'
import { FRAME_TYPES } from '../format/layout.ts'
import type { TailChunk } from '../format/tail-format.ts'
import { joinLogs, type LogContents, type LogView, type RecordingLog } from '../verifier/log-view.ts'
import { type Scan, scanRecording } from '../verifier/scan.ts'
import { openMetaKeys, TORN_BYTES_MAX } from '../verifier/verify.ts'
import { type BlockParts, blockBody } from '../writer/block.ts'
import { BATCH_BYTES_MAX } from '../writer/commit-queue.ts'
import type { InstanceLog } from '../writer/instance-log.ts'
import { clearFramer, type Head } from '../writer/journal.ts'
import { RECORDING_SUFFIX } from '../writer/recorder.ts'
import { tailName } from '../writer/tail.ts'
import { tailBlocks } from '../writer/tail-blocks.ts'
import { claimFolder, lockState, settleClaim } from './boot-lock.ts'
import { bootFolders, readLog, recordingOf } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { createDurably } from './folder-storage.ts'
import { type FoundTails, readTails, settleTails } from './read-tails.ts'
import { RESERVE_NAME } from './reserve.ts'
import { rewriteEnd } from './rewrite-end.ts'

/** What a start found of earlier boots, and did about it. Nothing is ever deleted. */
export interface RecoveryReport {
  /** Recordings that had no end and now have one. `tornFile` holds the bytes that were no whole frame. */
  readonly recovered: readonly {
    readonly recording: string
    readonly file: string
    readonly frames: number
    readonly discardedBytes: number
    readonly tornFile: string | null
    /** Entries that stood in no frame, and were taken from the dead boot's tail. */
    readonly tailEntries: number
  }[]
  /** Recordings that were closed, though the dead boot's log never got to say so. */
  readonly confirmed: readonly string[]
  /** Left as they are: in use, tampered with, or unreadable with this key. */
  readonly left: readonly { readonly place: string; readonly why: string }[]
  /** Known to a dead boot's log, and gone. */
  readonly missing: readonly string[]
  /**
   * Tails set aside: bytes in them are not what was written (torn by a power cut, or changed), or they have entries of a
   * recording that is gone.
   */
  readonly tornTails: readonly string[]
}

export interface RecoveryOptions {
  readonly dir: string
  readonly files: FileSystem
  /** The boot that recovers, and its log, where it says what it did. */
  readonly boot: string
  readonly log: InstanceLog
  readonly keys: KeyEncryption
  readonly clock: Clock
}

interface Draft {
  readonly recovered: RecoveryReport['recovered'][number][]
  readonly confirmed: string[]
  readonly left: RecoveryReport['left'][number][]
  readonly missing: string[]
  readonly tornTails: string[]
}

/** Ends the recordings that dead boots left open. Safe to run twice, and beside other processes. */
export async function recoverDirectory(options: RecoveryOptions): Promise<RecoveryReport> {
  const { files } = options
  const report: Draft = { recovered: [], confirmed: [], left: [], missing: [], tornTails: [] }
  for (const boot of await bootFolders(options.dir, files)) {
    if (boot === options.boot) continue
    const folder = join(options.dir, boot)
    const state = await lockState(options.dir, files, { boot, now: options.clock.now() })
    if (state.kind === 'live') report.left.push({ place: folder, why: 'its boot is, or may be, alive' })
    if (state.kind !== 'dead' || !(await claimFolder(folder, files, { name: state.name, boot: options.boot }))) continue
    const leftBefore = report.left.length
    const recoveredBefore = report.recovered.length
    const found = await recoverFolder(folder, options, report)
    // What could not be dealt with is looked at again by the next boot, which may have the right key.
    if (report.left.length > leftBefore || found === null) continue
    report.tornTails.push(...(await settleTails(found.tails, files, found.present)))
    // Where all had their ends already it was this that removed them, and was cut short.
    if (report.recovered.length > recoveredBefore) report.left.push(...found.goneTails)
    if (found.names.includes(RESERVE_NAME)) await files.remove(join(folder, RESERVE_NAME))
    await settleClaim(folder, files)
  }
  return report
}

/** A folder whose recordings were dealt with. */
interface Dealt {
  readonly tails: FoundTails
  readonly present: ReadonlySet<string>
  readonly names: readonly string[]
  /** Tails that should be there. */
  readonly goneTails: RecoveryReport['left']
}

async function recoverFolder(folder: string, options: RecoveryOptions, report: Draft): Promise<Dealt | null> {
  let tails: FoundTails
  let log: LogContents
  try {
    // Names that only the kernel knows could go with the next power cut, after the log has said what became of them.
    await options.files.syncFolder(folder)
    tails = await readTails(folder, options.files, options.keys)
    log = await readLog(folder, options.files, { keys: options.keys })
  } catch (error) {
    // A recording that is ended without its tail would have lost what only the tail has.
    report.left.push({ place: folder, why: whyOf(error) })
    return null
  }
  const view = joinLogs(new Map([[folder, log]]))
  const names = (await options.files.readFolder(folder)).map(({ name }) => name)
  const recordings = names.filter(name => name.endsWith(RECORDING_SUFFIX))
  const present = new Set(recordings.map(recordingOf))
  report.missing.push(...goneRecordings(log, view).filter(recording => !present.has(recording)))
  for (const name of recordings) {
    const file = join(folder, name)
    try {
      const recording = recordingOf(name)
      const known = view.recordings.get(recording) ?? null
      await recoverFile({ folder, name, known, tail: tails.chunks.get(recording) ?? [] }, options, report)
    } catch (error) {
      report.left.push({ place: file, why: whyOf(error) })
    }
  }
  return {
    tails,
    present,
    names,
    goneTails: goneTails(log, names).map(name => ({ place: join(folder, name), why: GONE_TAIL })),
  }
}

/** Those that began in this boot's folder, and that no rule removed. Others of its log are ones that it recovered. */
const goneRecordings = ({ entries }: LogContents, { recordings }: LogView): readonly string[] =>
  entries.flatMap(({ entry }) =>
    entry.kind === 'opened' && (recordings.get(entry.recording)?.retired ?? null) === null ? [entry.recording] : [],
  )

const GONE_TAIL = 'this tail was written and is gone: reads that were let run last may be missing from recordings'

/** Tails that a log knows as in use and that are not there, set aside or not. */
function goneTails({ entries }: LogContents, names: readonly string[]): readonly string[] {
  const inUse = new Set<string>()
  for (const { entry } of entries) {
    if (entry.kind === 'tailMade') inUse.add(tailName(entry.tail))
    if (entry.kind === 'tailGone') inUse.delete(tailName(entry.tail))
  }
  return [...inUse].filter(tail => !names.some(name => name.startsWith(tail)))
}

const whyOf = (error: unknown): string => (error instanceof Error ? error.message : 'an unknown error')

interface Found {
  readonly folder: string
  readonly name: string
  readonly known: RecordingLog | null
  /** What the boot's tails have of it. */
  readonly tail: readonly TailChunk[]
}

async function recoverFile(found: Found, options: RecoveryOptions, report: Draft): Promise<void> {
  const { folder, name, known } = found
  if (known !== null && known.ended !== null) return
  const recording = recordingOf(name)
  const file = join(folder, name)
  const keyed: { keys: MetaKeys | null } = { keys: null }
  const scan = await scanRecording(options.files.readPieces(file), {
    heads: known?.heads ?? new Map(),
    keysFor: async header => {
      keyed.keys = await openMetaKeys(header, options.keys)
      return keyed.keys
    },
  })
  const why = whyUntouchable(scan, recording, known)
  const { head, end, offset } = scan
  if (why !== null || head === null || keyed.keys === null) {
    report.left.push({ place: file, why: why ?? 'it has no readable header' })
    return
  }
  // What was not on the disk: one batch, or one frame where that is larger.
  const from = Math.max(0, Math.min(scan.lastAt, offset - BATCH_BYTES_MAX))
  if (end.kind === 'closed' || end.kind === 'recovered') {
    await rewriteEnd(file, options.files, { from, to: offset })
    await options.log.append({ kind: end.kind, recording, head })
    report.confirmed.push(recording)
    return
  }
  const torn = end.kind === 'torn' ? await moveAside(found, options.files, offset) : null
  const blocks = tailBlocks(found.tail, scan.blockEntries)
  const { frames, recovery } = endFrames({ head, blocks, torn, keys: keyed.keys }, options)
  // What is final goes behind what is on the disk: a power cut could keep it and tear what comes before.
  const before = Buffer.concat(frames)
  await rewriteEnd(file, options.files, { from, to: offset, append: before })
  const at = offset + before.length
  await rewriteEnd(file, options.files, { from: at, to: at, append: recovery })
  const sealed = headAfter(head, [...frames, recovery])
  await options.log.append({ kind: 'recovered', recording, head: sealed })
  report.recovered.push({
    recording,
    file,
    frames: sealed.frames,
    discardedBytes: torn?.bytes ?? 0,
    tornFile: torn?.file ?? null,
    tailEntries: entriesOf(blocks),
  })
}

const entriesOf = (blocks: readonly BlockParts[]): number => blocks.reduce((sum, { entries }) => sum + entries, 0)

/** The frames that end a recording: what the tail has of it as it stands there, then RECOVERY. All are clear ones. */
function endFrames(
  found: {
    readonly head: Head
    readonly blocks: readonly BlockParts[]
    readonly torn: TornBytes | null
    readonly keys: MetaKeys
  },
  options: RecoveryOptions,
): { readonly frames: readonly Buffer[]; readonly recovery: Buffer } {
  const { blocks, torn } = found
  const make = clearFramer(options.clock, found.keys)
  const frames: Buffer[] = []
  for (const block of blocks) {
    const { frames: seq, chain } = headAfter(found.head, frames)
    frames.push(make(FRAME_TYPES.block, blockBody(block), 'more')({ seq, chain }))
  }
  const { frames: seq, chain } = headAfter(found.head, frames)
  const body = recoveryBody({
    boot: options.boot,
    lastSeq: seq - 1,
    lastChain: chain,
    discardedBytes: torn?.bytes ?? 0,
    discardedSha256: torn?.sha256 ?? createHash('sha256').digest(),
    tailEntries: entriesOf(blocks),
  })
  return { frames, recovery: make(FRAME_TYPES.recovery, body, 'final')({ seq, chain }) }
}

const headAfter = (head: Head, frames: readonly Buffer[]): Head => ({
  frames: head.frames + frames.length,
  chain: frames.reduce((chain: Uint8Array, frame) => chainNext(chain, frame), head.chain),
})

/** Evidence of tampering stays as it was found. */
function whyUntouchable(scan: Scan, recording: string, known: RecordingLog | null): string | null {
  const frames = scan.head?.frames ?? 0
  if (scan.broken !== null) return `tampered with from frame ${scan.broken.seq} on: ${scan.broken.why}`
  if (scan.header?.recording !== recording) return 'it is another recording than its name says'
  if (known !== null && known.last.frames > frames) {
    return `tampered with from frame ${frames} on: the instance log knows ${known.last.frames} frames of it`
  }
  if (scan.end.kind === 'torn' && scan.end.bytes > TORN_BYTES_MAX) return 'more loose bytes than a crash leaves'
  return null
}

interface TornBytes {
  readonly file: string
  readonly bytes: number
  readonly sha256: Uint8Array
}

/** Copies the torn end to a file of its own before cutting it off. Named for its digest, so that doing it twice is once. */
async function moveAside({ folder, name }: Found, files: FileSystem, offset: number): Promise<TornBytes> {
  const file = join(folder, name)
  const bytes = await readFrom(file, files, offset)
  const sha256 = createHash('sha256').update(bytes).digest()
  const tornName = `${recordingOf(name)}.${sha256.toString('hex').slice(0, 16)}.torn`
  const isThere = (await files.readFolder(folder)).some(one => one.name === tornName)
  if (!isThere) await (await createDurably(folder, files, { name: tornName, bytes })).close()
  await files.truncate(file, offset)
  await files.syncFolder(folder)
  return { file: join(folder, tornName), bytes: bytes.length, sha256 }
}

async function readFrom(file: string, files: FileSystem, offset: number): Promise<Buffer> {
  const handle = await files.open(file, 'read')
  try {
    const count = (await handle.size()) - offset
    const bytes = await handle.read(offset, count)
    if (bytes.length !== count) throw new RecordingError('MALFORMED', 'the file changed while it was read')
    return bytes
  } finally {
    await handle.close()
  }
}
