import { join } from 'node:path'
import type { Clock } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import { isSameDigest } from '../format/chain.ts'
import { scanRecording } from '../verifier/scan.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import type { LogEntry } from '../writer/instance-log.ts'
import { RECORDING_SUFFIX, VALUES_SUFFIX } from '../writer/recorder.ts'
import { lockState } from './boot-lock.ts'
import { type ClockStanding, clockStanding } from './clock-standing.ts'
import { bootFolders } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { LogBook } from './log-book.ts'
import { nodeFiles } from './node-files.ts'
import { destroyValues } from './read-file.ts'
import { removeRecording } from './remove-recording.ts'

const HOUR_MS = 3_600_000

export interface RetentionOptions {
  /** The recordings directory. */
  readonly dir: string
  /** The folder of this process; others are looked after when nobody lives in them. */
  readonly boot: string
  /** A recording that ended so long ago is removed, in milliseconds. Null: none ever is. */
  readonly recordingsMs: number | null
  /** The key of a recording's values is destroyed when it ended so long ago. Null: with the recording. */
  readonly valuesMs: number | null
  /** Whether recordings are uploaded: then one that isn't stored yet stays, however old. */
  readonly onlyStored: boolean
  /** Writes an entry in this boot's log; resolves when it is durable. */
  readonly account: (entry: LogEntry) => Promise<void>
  readonly clock: Clock
  /** Should not keep the process alive. */
  readonly sleep: Sleep
  /** Is told what each pass did, and what it left. */
  readonly onPass: (report: RetentionReport) => void
  readonly files?: FileSystem
}

/** What a pass did. */
export interface RetentionReport {
  readonly retired: readonly string[]
  readonly shredded: readonly string[]
  /** Old enough to be removed, and not what the logs say: evidence stays. */
  readonly kept: readonly { readonly recording: string; readonly why: string }[]
  /** Where nothing was done as the clock isn't believed. */
  readonly held: Extract<ClockStanding, { kind: 'jumped' }> | null
  /** Why the pass could not be finished; null where it was. */
  readonly failure: string | null
}

export interface RetentionSweep {
  /** Does it now, and each hour until it is stopped. */
  readonly start: () => void
  /** Does once what is due. */
  readonly pass: () => Promise<RetentionReport>
  readonly stop: () => void
}

/**
 * Removes recordings, and destroys the keys of their values, by age. What is removed was written in
 * the log before, durably. Recordings that didn't end, and those that aren't what the logs say, stay; so do all logs.
 *
 * @example
 * const retention = keepRetention({ dir, boot: recorder.boot, recordingsMs: 400 * 86_400_000, valuesMs: 90 * 86_400_000, onlyStored: false, account: recorder.account, clock, sleep, onPass: report => log(report) })
 * retention.start()
 * retention.stop()
 */
export function keepRetention(options: RetentionOptions): RetentionSweep {
  const files = options.files ?? nodeFiles
  const book = new LogBook(options.dir, files)
  let isStopped = false
  let isHeld = false
  const pass = async (): Promise<RetentionReport> => {
    const draft: Draft = { retired: [], shredded: [], kept: [] }
    try {
      await book.follow()
      const now = options.clock.now()
      const standing = clockStanding(book.hours(), now)
      if (standing.kind === 'jumped') {
        // In the log it is seen, and it is what the clock goes on from where nothing else is written.
        if (!isHeld)
          await options.account({ kind: 'setting', name: 'retention-held', digest: new Date(now).toISOString() })
        isHeld = true
        return { ...draft, held: standing, failure: null }
      }
      isHeld = false
      await sweep({ ...options, files, book, now }, draft)
      return { ...draft, held: null, failure: null }
    } catch (error) {
      const failure = error instanceof RecordingError ? error.message : 'an error within the gateway'
      return { ...draft, held: null, failure }
    }
  }
  const run = async (): Promise<void> => {
    while (!isStopped) {
      options.onPass(await pass())
      await options.sleep(HOUR_MS)
    }
  }
  return {
    start: () => void run(),
    pass,
    stop: () => {
      isStopped = true
    },
  }
}

interface Draft {
  readonly retired: string[]
  readonly shredded: string[]
  readonly kept: { readonly recording: string; readonly why: string }[]
}

interface Sweep extends RetentionOptions {
  readonly files: FileSystem
  readonly book: LogBook
  readonly now: number
}

async function sweep(of: Sweep, draft: Draft): Promise<void> {
  for (const boot of await bootFolders(of.dir, of.files)) {
    const isOther = boot !== of.boot
    if (isOther && (await lockState(of.dir, of.files, { boot, now: of.now })).kind === 'live') continue
    const folder = join(of.dir, boot)
    const names = (await of.files.readFolder(folder)).map(({ name }) => name)
    for (const name of names.filter(one => one.endsWith(RECORDING_SUFFIX))) {
      await retire(folder, name.slice(0, -RECORDING_SUFFIX.length), of, draft)
    }
    for (const name of names.filter(one => one.endsWith(VALUES_SUFFIX))) {
      await shred(folder, name.slice(0, -VALUES_SUFFIX.length), of, draft)
    }
  }
}

/** Whether it ended so long ago. A clock that went back makes nothing old. */
const isOlder = ({ book, now }: Sweep, recording: string, ms: number | null): boolean => {
  const { ended } = book.of(recording)
  return ms !== null && ended !== null && now - ended.at >= ms
}

async function retire(folder: string, recording: string, of: Sweep, draft: Draft): Promise<void> {
  const { book, files, account, recordingsMs, onlyStored } = of
  const { ended, isRetired, isStored } = book.of(recording)
  if (ended === null || (!isRetired && !isOlder(of, recording, recordingsMs))) return
  // Said and not done: the process was killed in between.
  if (!isRetired) {
    if (onlyStored && !isStored) return void draft.kept.push({ recording, why: 'it is not stored elsewhere yet' })
    const why = await whyNotWhole(join(folder, recording + RECORDING_SUFFIX), { recording, head: ended.head, files })
    if (why !== null) return void draft.kept.push({ recording, why })
    await account({ kind: 'retired', recording, head: ended.head, why: `older than ${days(recordingsMs ?? 0)}` })
  }
  const isDue = isOlder(of, recording, recordingsMs)
  await removeRecording(folder, recording, { files, values: isDue ? 'destroy' : 'keep' })
  draft.retired.push(recording)
}

/** Evidence of somebody's hands in it isn't removed by a rule. */
async function whyNotWhole(
  file: string,
  of: {
    readonly recording: string
    readonly head: { readonly frames: number; readonly chain: Uint8Array }
    readonly files: FileSystem
  },
): Promise<string | null> {
  const scan = await scanRecording(of.files.readPieces(file), {
    heads: new Map([[of.head.frames, of.head.chain]]),
    keysFor: null,
  })
  if (scan.broken !== null) return `it is tampered with from frame ${scan.broken.seq} on`
  if (scan.header?.recording !== of.recording) return 'it is another recording than its name says'
  const isSame = scan.head?.frames === of.head.frames && isSameDigest(scan.head.chain, of.head.chain)
  return isSame ? null : 'it is not what its instance log says'
}

/** The key of a recording's values goes with it, at the latest. */
async function shred(folder: string, recording: string, of: Sweep, draft: Draft): Promise<void> {
  const { valuesMs, recordingsMs, book, account, files } = of
  const age = valuesMs === null ? recordingsMs : recordingsMs === null ? valuesMs : Math.min(valuesMs, recordingsMs)
  if (!isOlder(of, recording, age)) return
  if (!book.of(recording).isShredded) {
    await account({ kind: 'shredded', recording, who: 'retention', why: `older than ${days(age ?? 0)}` })
  }
  if ((await destroyValues(join(folder, recording + RECORDING_SUFFIX), files)) === 'destroyed')
    draft.shredded.push(recording)
}

const days = (ms: number): string => `${Math.round((ms / 86_400_000) * 100) / 100} days`
