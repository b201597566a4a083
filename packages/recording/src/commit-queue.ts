import { diskFailure } from './disk-failure.ts'
import type { DiskWatch } from './disk-watch.ts'
import { RecordingError } from './errors.ts'
import type { AppendFile } from './storage.ts'

/** So much is written and synced at once. */
export const BATCH_BYTES_MAX = 65_536
/** Entries that nobody waits for are on their way to the disk after this many milliseconds. */
export const LAZY_WINDOW_MS = 5
/** More than this waiting makes even a lazy append wait: the disk sets the pace, not memory. */
const PENDING_BYTES_MAX = 1_048_576

export type Sleep = (ms: number) => Promise<void>

interface Waiting {
  readonly bytes: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: RecordingError) => void
}

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

  /** Whether so much waits already that more should wait before it is handed over. */
  get isFull(): boolean {
    return this.#waitingBytes >= PENDING_BYTES_MAX
  }

  /** Resolves when the bytes are durable. */
  append(bytes: Uint8Array): Promise<void> {
    const written = this.#push(bytes)
    this.#start()
    return written
  }

  /** Takes the bytes along with the next commit, within {@link LAZY_WINDOW_MS}. `onDurable` tells when they got there. */
  async appendLazily(bytes: Uint8Array, onDurable: () => void): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const written = this.#push(bytes).then(onDurable)
    if (this.isFull) {
      this.#start()
      return written
    }
    // A failure shows on the next append: the queue remembers it.
    written.catch(() => undefined)
    if (this.#waitingBytes >= BATCH_BYTES_MAX) this.#start()
    else this.#startSoon()
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
    return new Promise((resolve, reject) => this.#waiting.push({ bytes, resolve, reject }))
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
      const commit = this.#watch.begin()
      try {
        await this.#writeWhole(Buffer.concat(batch.map(item => item.bytes)))
        await this.#syncOnce()
      } catch (error) {
        const failure = error instanceof RecordingError ? error : this.#failed('WRITE_FAILED', 'writing', error)
        this.#failure = failure
        for (const item of [...batch, ...this.#waiting.splice(0)]) item.reject(failure)
        break
      } finally {
        this.#watch.end(commit)
      }
      for (const item of batch) item.resolve()
    }
    // Set where the loop ends and nowhere later, or an append in between would wait for a commit that never comes.
    this.#running = false
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
    return this.#waiting.splice(0, count)
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
