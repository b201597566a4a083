import { join } from 'node:path'
import type { Clock } from '@querywarden/policy-core'
import { RecordingError } from '../errors.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { lockUntil, type Retention } from '../object-store/s3-anchor.ts'
import type { Sleep } from '../writer/commit-queue.ts'
import type { LogEntry } from '../writer/instance-log.ts'
import { RECORDING_SUFFIX } from '../writer/recorder.ts'
import { lockState } from './boot-lock.ts'
import { bootFolders, recordingOf } from './directory.ts'
import type { FileSystem } from './file-system.ts'
import { createDurably } from './folder-storage.ts'
import { LogBook } from './log-book.ts'
import { nodeFiles } from './node-files.ts'
import { removeRecording } from './remove-recording.ts'
import { PART_BYTES, uploadFile } from './upload-file.ts'
import { LogUpload } from './upload-log.ts'

/** How often it is looked what there is to upload. */
const PASS_MS = 5_000
/** After passes that failed it is looked ever less often, down to this. */
const PASS_MS_MAX = 60_000
/** A log that has grown is uploaded so often. */
const LOG_MS = 30_000
/** Stands in a folder of which nothing is left to upload. */
export const UPLOADED_MARK = 'uploaded'

export interface UploadSinkOptions {
  /** The recordings directory. */
  readonly dir: string
  /** The folder of this process: the name of its boot. Others are uploaded when nobody lives in them. */
  readonly boot: string
  readonly store: ObjectStore
  /** How long what is uploaded can't be taken away. Null: what the bucket says. */
  readonly lock: Retention | null
  /** Whether recordings stay here when they are stored there. */
  readonly keepLocal: boolean
  /** Writes an entry in this boot's log; resolves when it is durable. */
  readonly account: (entry: LogEntry) => Promise<void>
  readonly clock: Clock
  /** Should not keep the process alive. */
  readonly sleep: Sleep
  readonly files?: FileSystem
  /** The bytes of one part of a large file. Default 8 MiB. */
  readonly partBytes?: number
  /** How often a log that has grown is uploaded, in milliseconds. Default 30000. */
  readonly logEveryMs?: number
}

/** How uploading is doing. */
export interface UploadState {
  /** What has ended and isn't stored yet. */
  readonly waiting: number
  readonly waitingBytes: number
  /** For how long something has been waiting, in milliseconds; 0 where nothing has. */
  readonly lagMs: number
  /** Why the last pass failed; null where it didn't. */
  readonly failure: string | null
  readonly stored: number
  readonly storedBytes: number
}

export interface UploadSink {
  /** Looks every five seconds what there is to upload, until it is stopped. */
  readonly start: () => void
  readonly state: () => UploadState
  /** Uploads what there is to upload, once. Rejects where it can't. */
  readonly pass: () => Promise<void>
  /** Begins no other file, and resolves when the one under way is left or done, or after so many milliseconds. */
  readonly stop: (msMax: number) => Promise<void>
  /** Once this boot's log has ended: uploads the rest of it, as far as that can be done in so many milliseconds. */
  readonly finish: (msMax: number) => Promise<void>
}

/**
 * Brings recordings that have ended, and instance logs and checkpoints as they grow, to an object store, beside what is
 * recorded: one file at a time. What can't be stored now is left where it is, and tried again.
 *
 * @example
 * const uploads = uploadSink({ dir, boot: recorder.boot, store, lock: null, keepLocal: true, account: recorder.account, clock, sleep })
 * uploads.start()
 * await uploads.stop(5_000)
 */
export function uploadSink(options: UploadSinkOptions): UploadSink {
  const work = new UploadWork(options)
  return {
    start: () => void work.run(),
    state: () => work.state(),
    pass: () => work.pass(),
    stop: msMax => work.stop(msMax),
    finish: msMax => work.finish(msMax),
  }
}

/** Of a file that meets another under its key the others don't have to wait; that it did is an error in the end. */
class Conflicts {
  #first: RecordingError | null = null

  async aside(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof RecordingError) || error.code !== 'STORE_CONFLICT') throw error
      this.#first ??= error
    }
  }

  /** @throws RecordingError STORE_CONFLICT */
  end(): void {
    if (this.#first !== null) throw this.#first
  }
}

interface Waiting {
  readonly boot: string
  readonly name: string
  readonly bytes: number
}

class UploadWork {
  readonly #options: UploadSinkOptions
  readonly #files: FileSystem
  readonly #book: LogBook
  readonly #logs = new Map<string, LogUpload>()
  /** Folders of which nothing is left to do. */
  readonly #done = new Set<string>()
  #waiting: readonly Waiting[] = []
  #waitingSince: number | null = null
  #failure: string | null = null
  #stored = 0
  #storedBytes = 0
  #isStopped = false
  #underWay: Promise<void> = Promise.resolve()

  constructor(options: UploadSinkOptions) {
    this.#options = options
    this.#files = options.files ?? nodeFiles
    this.#book = new LogBook(options.dir, this.#files)
  }

  state(): UploadState {
    const { clock } = this.#options
    return {
      waiting: this.#waiting.length,
      waitingBytes: this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0),
      lagMs: this.#waitingSince === null ? 0 : clock.monotonic() - this.#waitingSince,
      failure: this.#failure,
      stored: this.#stored,
      storedBytes: this.#storedBytes,
    }
  }

  async run(): Promise<void> {
    let waitMs = PASS_MS
    while (!this.#isStopped) {
      const isGood = await this.pass().then(
        () => true,
        () => false,
      )
      waitMs = isGood ? PASS_MS : Math.min(waitMs * 2, PASS_MS_MAX)
      await this.#options.sleep(waitMs)
    }
  }

  /** Passes follow one another. */
  pass(): Promise<void> {
    const next = this.#underWay.then(() => this.#pass())
    this.#underWay = next.catch(() => undefined)
    return next
  }

  async stop(msMax: number): Promise<void> {
    this.#isStopped = true
    await Promise.race([this.#underWay, this.#options.sleep(msMax)])
  }

  async finish(msMax: number): Promise<void> {
    const rest = this.#uploadLog(this.#options.boot, true).catch(() => undefined)
    await Promise.race([rest, this.#options.sleep(msMax)])
  }

  async #pass(): Promise<void> {
    try {
      await this.#book.follow()
      const boots = await this.#bootsToDo()
      await this.#findWaiting(boots)
      const conflicts = new Conflicts()
      for (const boot of boots) await conflicts.aside(() => this.#uploadLog(boot, boot !== this.#options.boot))
      for (const waiting of this.#waiting) {
        if (this.#isStopped) return
        await conflicts.aside(() => this.#upload(waiting))
      }
      if (!this.#isStopped) for (const boot of boots) await this.#settle(boot)
      conflicts.end()
      this.#failure = null
    } catch (error) {
      this.#failure = error instanceof RecordingError ? error.message : 'an error within the gateway'
      throw error
    }
  }

  async #bootsToDo(): Promise<readonly string[]> {
    const { dir, boot: own, clock } = this.#options
    const boots: string[] = []
    for (const boot of await bootFolders(dir, this.#files)) {
      if (this.#done.has(boot)) continue
      const isOwn = boot === own
      if (!isOwn && (await lockState(dir, this.#files, { boot, now: clock.now() })).kind === 'live') continue
      const names = (await this.#files.readFolder(join(dir, boot))).map(({ name }) => name)
      if (names.includes(UPLOADED_MARK)) this.#done.add(boot)
      else boots.push(boot)
    }
    return boots
  }

  async #findWaiting(boots: readonly string[]): Promise<void> {
    const waiting: Waiting[] = []
    for (const boot of boots) {
      const folder = join(this.#options.dir, boot)
      for (const { name } of await this.#files.readFolder(folder)) {
        if (!name.endsWith(RECORDING_SUFFIX)) continue
        const known = this.#book.of(recordingOf(name))
        const isToDo = known.ended !== null && !known.isRetired && (!known.isStored || !this.#options.keepLocal)
        const bytes = isToDo ? await sizeOf(join(folder, name), this.#files) : null
        if (bytes !== null) waiting.push({ boot, name, bytes })
      }
    }
    this.#setWaiting(waiting)
  }

  #setWaiting(waiting: readonly Waiting[]): void {
    this.#waiting = waiting
    if (waiting.length === 0) this.#waitingSince = null
    else this.#waitingSince ??= this.#options.clock.monotonic()
  }

  /** The order is what counts: stored there, said so durably, and only then removed here, which is said before as well. */
  async #upload(waiting: Waiting): Promise<void> {
    const { dir, store, lock, clock, keepLocal, account } = this.#options
    const recording = recordingOf(waiting.name)
    const known = this.#book.of(recording)
    if (known.ended === null) return
    const uploaded = await uploadFile(join(dir, waiting.boot, waiting.name), `${waiting.boot}/${waiting.name}`, {
      store,
      files: this.#files,
      lock: lockUntil(lock, clock.now()),
      partBytes: this.#options.partBytes ?? PART_BYTES,
      isStopped: () => this.#isStopped,
    })
    if (uploaded === null) return
    const { head } = known.ended
    if (!known.isStored) {
      await account({ kind: 'stored', recording, head, place: store.place, digest: uploaded.sha256 })
      this.#stored += 1
      this.#storedBytes += uploaded.bytes
    }
    if (!keepLocal) {
      await account({ kind: 'retired', recording, head, why: `stored in ${store.place}` })
      // Without its values: their key is nowhere else.
      await removeRecording(join(dir, waiting.boot), recording, { files: this.#files, values: 'keep' })
    }
    this.#setWaiting(this.#waiting.filter(one => one !== waiting))
  }

  /** The own log is given time to grow; the others don't grow any more. */
  async #uploadLog(boot: string, isWhole: boolean): Promise<void> {
    const { dir, store, lock, clock, logEveryMs = LOG_MS } = this.#options
    const log = this.#logs.get(boot) ?? new LogUpload({ folder: join(dir, boot), boot, store, files: this.#files })
    this.#logs.set(boot, log)
    await log.upload({ lock: lockUntil(lock, clock.now()), now: clock.monotonic(), everyMs: isWhole ? 0 : logEveryMs })
  }

  /** Marks the folder of another boot when nothing in it can still become something to upload. */
  async #settle(boot: string): Promise<void> {
    const { dir, boot: own, clock } = this.#options
    if (boot === own || (await lockState(dir, this.#files, { boot, now: clock.now() })).kind !== 'none') return
    const folder = join(dir, boot)
    const names = (await this.#files.readFolder(folder)).map(({ name }) => name)
    await this.#book.follow()
    const isLogStored = this.#logs.get(boot)?.isWhole() === true
    const isLeft = names
      .filter(name => name.endsWith(RECORDING_SUFFIX))
      .some(name => !this.#book.of(recordingOf(name)).isStored)
    if (isLeft || !isLogStored) return
    await (await createDurably(folder, this.#files, { name: UPLOADED_MARK, bytes: new Uint8Array(0) })).close()
    this.#done.add(boot)
    this.#logs.delete(boot)
  }
}

/** Null where another process has removed it meanwhile. */
async function sizeOf(file: string, files: FileSystem): Promise<number | null> {
  const handle = await files.open(file, 'read').catch(absentAsNull)
  if (handle === null) return null
  try {
    return await handle.size()
  } finally {
    await handle.close()
  }
}

function absentAsNull(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
  throw error
}
