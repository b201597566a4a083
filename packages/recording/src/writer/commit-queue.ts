import { RecordingError } from '../errors.ts'
import { diskFailure } from './disk-failure.ts'
import type { DiskWatch } from './disk-watch.ts'
import type { AppendFile } from './storage.ts'

/** So much is written and synced at once. */
export const BATCH_BYTES_MAX = 1_048_576
/** So much waiting doesn't wait any longer. */
const SOON_BYTES = 65_536
/** Entries that nobody waits for are on their way to the disk after this many milliseconds. */
export const LAZY_WINDOW_MS = 5
/** A file that is so far behind makes whoever has more for it wait: the disk sets the pace, not memory. */
const BEHIND_BYTES_MAX = 1_048_576
const BEHIND_MS_MAX = 100
/** With no more than this behind there is room again: so much that the disk isn't idle while the next is made. */
const ROOM_BYTES = 524_288

export type Sleep = (ms: number) => Promise<void>

interface Waiting {
  readonly bytes: Uint8Array
  /** When it was handed over, in milliseconds. */
  readonly since: number
  readonly resolve: () => void
  readonly reject: (error: RecordingError) => void
}

type RoomWaiter = Pick<Waiting, 'resolve' | 'reject'>

/**
 * Group commit for one file: what arrives while a sync is running shares the next one; one sync is in flight at most.
 * The first failure is the last act: a failed fdatasync may have dropped pages that a second one reports as written,
 * so nothing is tried again and every later append rejects.
 */
export class CommitQueue {
  readonly #file: AppendFile
  readonly #sleep: Sleep
  readonly #place: string
  readonly #watch: DiskWatch
  #waiting: Waiting[] = []
  #waitingBytes = 0
  /** What is being written and synced now. */
  #batch: readonly Waiting[] = []
  #roomWaiters: RoomWaiter[] = []
  #draining: Promise<void> = Promise.resolve()
  #running = false
  #timed = false
  #failure: RecordingError | null = null

  constructor(file: AppendFile, options: { readonly sleep: Sleep; readonly place: string; readonly watch: DiskWatch }) {
    this.#file = file
    this.#sleep = options.sleep
    this.#place = options.place
    this.#watch = options.watch
  }

  /** Why nothing can be appended any more, or null. */
  get failure(): RecordingError | null {
    return this.#failure
  }

  /** Whether so many bytes wait beside those that are being written that more should wait before they are handed over. */
  get isFull(): boolean {
    return this.#waitingBytes >= BEHIND_BYTES_MAX
  }

  /**
   * Resolves at once while the disk is less than {@link BEHIND_BYTES_MAX} and {@link BEHIND_MS_MAX} behind, else when it
   * has caught up. Rejects when it never will.
   */
  room(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (!this.isFull && !this.#isLate()) return ROOM
    this.#start()
    return new Promise((resolve, reject) => this.#roomWaiters.push({ resolve, reject }))
  }

  /** Resolves when the bytes are durable. */
  append(bytes: Uint8Array): Promise<void> {
    const written = this.#push(bytes)
    this.#start()
    return written
  }

  /**
   * Takes the bytes along with the next commit, within {@link LAZY_WINDOW_MS}. `onDurable` tells when they got there;
   * a failure shows on the next append.
   */
  give(bytes: Uint8Array, onDurable: () => void): void {
    this.#push(bytes).then(onDurable, () => undefined)
    if (this.#waitingBytes >= SOON_BYTES) this.#start()
    else this.#startSoon()
  }

  /** Resolves when all that was given is durable. */
  async flush(): Promise<void> {
    this.#start()
    await this.#draining
    if (this.#failure !== null) throw this.#failure
  }

  /** Waits for everything and closes the file, whatever happened to it. Rejects when something never became durable. */
  async close(): Promise<void> {
    this.#start()
    await this.#draining
    await this.#file.close()
    if (this.#failure !== null) throw this.#failure
  }

  #push(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    this.#waitingBytes += bytes.length
    const since = this.#watch.now()
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, since, resolve, reject }))
  }

  #startSoon(): void {
    if (this.#timed) return
    this.#timed = true
    void this.#sleep(LAZY_WINDOW_MS).then(() => {
      this.#timed = false
      this.#start()
    })
  }

  #start(): void {
    if (this.#running) return
    this.#running = true
    this.#draining = this.#drain()
  }

  async #drain(): Promise<void> {
    // One turn of the event loop's microtasks: appends made together share the first commit too.
    await Promise.resolve()
    while (this.#failure === null && this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      // What comes next is made while this is written.
      this.#letIn()
      const commit = this.#watch.begin()
      try {
        await this.#writeWhole(joined(batch))
        await this.#syncOnce()
      } catch (error) {
        const failure = error instanceof RecordingError ? error : this.#failed('WRITE_FAILED', 'writing', error)
        this.#failure = failure
        for (const item of [...batch, ...this.#waiting.splice(0), ...this.#roomWaiters.splice(0)]) item.reject(failure)
        break
      } finally {
        this.#watch.end(commit)
      }
      this.#batch = []
      for (const item of batch) item.resolve()
      this.#letIn()
    }
    // Set where the loop ends and nowhere later, or an append in between would wait for a commit that never comes.
    this.#running = false
  }

  #letIn(): void {
    if (this.#waitingBytes > ROOM_BYTES || this.#isLate()) return
    for (const waiter of this.#roomWaiters.splice(0)) waiter.resolve()
  }

  /** Whether the oldest of what isn't on the disk has been under way for too long. */
  #isLate(): boolean {
    const oldest = this.#batch[0] ?? this.#waiting[0]
    return oldest !== undefined && this.#watch.now() - oldest.since > BEHIND_MS_MAX
  }

  #takeBatch(): readonly Waiting[] {
    let bytes = 0
    let count = 0
    for (const item of this.#waiting) {
      if (count > 0 && bytes + item.bytes.length > BATCH_BYTES_MAX) break
      bytes += item.bytes.length
      count++
    }
    this.#waitingBytes -= bytes
    this.#batch = this.#waiting.splice(0, count)
    return this.#batch
  }

  async #writeWhole(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      let written: number
      try {
        written = await this.#file.write(bytes.subarray(at))
      } catch (error) {
        throw this.#failed('WRITE_FAILED', 'writing', error)
      }
      if (written <= 0) throw this.#failed('WRITE_FAILED', 'writing', new Error('nothing was written'))
      at += written
    }
  }

  async #syncOnce(): Promise<void> {
    try {
      await this.#file.sync()
    } catch (error) {
      throw this.#failed('SYNC_FAILED', 'syncing', error)
    }
  }

  #failed(code: 'WRITE_FAILED' | 'SYNC_FAILED', doing: string, cause: unknown): RecordingError {
    return diskFailure({ code, doing: `${doing} the recording in`, place: this.#place, cause })
  }
}

const ROOM: Promise<void> = Promise.resolve()

const joined = (batch: readonly Waiting[]): Uint8Array =>
  batch.length === 1 && batch[0] !== undefined ? batch[0].bytes : Buffer.concat(batch.map(item => item.bytes))
