import type { RecordingError } from '../errors.ts'
import { KEY_BYTES, type KeyEncryption, keyContext, type RandomBytes, tailKey } from '../format/keys.ts'
import { BatchWriter, encodeTailHeader } from '../format/tail-format.ts'
import type { Chunk } from './block.ts'
import { LAZY_WINDOW_MS, type Sleep } from './commit-queue.ts'
import { diskFailure } from './disk-failure.ts'
import type { DiskWatch } from './disk-watch.ts'
import type { InstanceLog } from './instance-log.ts'
import type { Storage, TailFile } from './storage.ts'

/** What ends a tail's file name. */
export const TAIL_SUFFIX = '.tail'
/** A tail that is larger is followed by another as soon as that is made. */
const TAIL_BYTES = 4_194_304
/** With so much in one, nothing more goes in: the disk doesn't keep up with making the next. */
const TAIL_BYTES_MAX = 16_777_216

export interface TailOptions {
  readonly storage: Storage
  readonly createTail: NonNullable<Storage['createTail']>
  readonly keys: KeyEncryption
  readonly boot: string
  readonly randomBytes: RandomBytes
  readonly sleep: Sleep
  readonly watch: DiskWatch
  readonly log: Pick<InstanceLog, 'append'>
}

/** Something with entries in memory that should be in the tail before long. */
export interface Stager {
  readonly putInTail: () => void
}

/** One file of a boot's tail. */
interface Segment {
  readonly number: number
  readonly file: TailFile
  readonly batches: BatchWriter
  bytes: number
  /** Blocks that have entries in it and are in no durable frame. */
  blocks: number
  isSynced: boolean
}

/**
 * Where entries stand until they are in a durable frame of their recording: one append-only file for all sessions of a
 * boot, written into the kernel's memory at once and synced within {@link LAZY_WINDOW_MS}. A killed process loses none
 * of it, a power cut that window. When it has grown another file takes over, and it goes when all in it is in frames.
 */
export class Tail {
  readonly #options: TailOptions
  readonly #staged = new Set<Stager>()
  readonly #retired: Segment[] = []
  readonly #discarding = new Set<Promise<void>>()
  #current: Segment | null = null
  #making: Promise<void> | null = null
  #committing: Promise<void> | null = null
  /** The write that is about to be done in this turn. */
  #writing: Promise<void> | null = null
  #failure: RecordingError | null = null
  #lastFailure: RecordingError | null = null
  #failures = 0
  /** The number of the latest file that was tried: none is tried again under its name. */
  #tried = 0
  /** The next file could not be made; the next look at the disk tries again. */
  #waitsForDisk = false
  #isClosed = false
  /** The log ends: nothing more is said in it. */
  #isOver = false

  constructor(options: TailOptions) {
    this.#options = options
  }

  /** Why nothing can be written now, or null. What sessions were let run before it may be lost in a power cut. */
  get failure(): RecordingError | null {
    return this.#failure
  }

  /** How many files failed so far. */
  get failures(): number {
    return this.#failures
  }

  /** The latest failure, if one came after so many. A session that was open then doesn't go on in the next file. */
  failureSince(failures: number): RecordingError | null {
    return this.#failures > failures ? this.#lastFailure : null
  }

  /** Whether there is a file to write to. */
  get isMade(): boolean {
    return this.#current !== null
  }

  /**
   * Makes a file where there is none. Where it can't be made nothing is lost: entries wait for their own files until it
   * can. A file that failed is not followed by another here.
   */
  async open(): Promise<void> {
    if (this.#current !== null || this.#failure !== null || this.#isClosed) return
    this.#making ??= this.#make()
    await this.#making
  }

  /**
   * Tries again what the disk refused. After a failure a new file stands for a disk that works again: it is synced,
   * and so is its folder. Nothing of the failed one is needed for it, nor written to it again.
   */
  async renew(): Promise<void> {
    this.#waitsForDisk = false
    if (this.#isClosed || (this.#failure === null && this.#tried === 0)) return
    if (this.#current !== null && this.#current.bytes <= TAIL_BYTES) return
    this.#making ??= this.#make()
    await this.#making
  }

  /** Whether an entry can be written at once. */
  get isReady(): boolean {
    const current = this.#current
    return current !== null && current.bytes < TAIL_BYTES_MAX && !this.#options.watch.isSlow()
  }

  /** Has the stager put its entries here within {@link LAZY_WINDOW_MS}, unless it has by then. */
  stage(stager: Stager): void {
    this.#staged.add(stager)
    this.#commitSoon()
  }

  /**
   * Has the stager's entries in the kernel when this resolves. What comes within one turn of the event loop shares one
   * write, and one chunk a session.
   */
  stageNow(stager: Stager): Promise<void> {
    this.#staged.add(stager)
    if (this.#writing === null) {
      this.#writing = this.#writeStaged()
      // Not everybody waits for it; the failure is remembered.
      this.#writing.catch(() => undefined)
    }
    return this.#writing
  }

  /** Forgets a stager: it has nothing more that isn't in a frame. */
  unstage(stager: Stager): void {
    this.#staged.delete(stager)
  }

  /** Takes a chunk for the next {@link Tail.write}. Gives the number of the file that it goes in. */
  put(id: Uint8Array, first: number, chunk: Chunk): number {
    if (this.#failure !== null) throw this.#failure
    const current = this.#current
    if (current === null) throw new TypeError('a tail is opened before it is written')
    current.batches.add(id, first, chunk)
    return current.number
  }

  /** Writes what was put. When this returns the kernel has it. */
  write(): void {
    const current = this.#current
    if (this.#failure !== null) throw this.#failure
    if (current === null || current.batches.isEmpty) return
    const batch = current.batches.take()
    try {
      this.#options.watch.timed(() => current.file.writeNow(batch))
    } catch (error) {
      throw this.#fail('WRITE_FAILED', 'writing', error)
    }
    current.bytes += batch.length
    current.isSynced = false
    this.#commitSoon()
    if (current.bytes > TAIL_BYTES && !this.#waitsForDisk) this.#making ??= this.#make()
  }

  /** A block has its first entry in that file. */
  hold(number: number): void {
    const segment = this.#segment(number)
    if (segment !== undefined) segment.blocks += 1
  }

  /** A block with entries in that file is in a durable frame. */
  release(number: number): void {
    const segment = this.#segment(number)
    if (segment !== undefined) segment.blocks -= 1
    // What becomes durable after the end, of a session that was left open, leaves its tail to the next start.
    if (this.#committing === null && !this.#isOver) this.#discardRetired()
  }

  /** Ends the tail. What stands in no frame is left to the next start, on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#making
    await this.#committing
    if (this.#failure === null) await this.#commit()
    this.#retire()
    this.#discardRetired()
    this.#isOver = true
    await Promise.all([...this.#discarding, ...this.#retired.map(({ file }) => file.close())])
  }

  #segment(number: number): Segment | undefined {
    return this.#current?.number === number ? this.#current : this.#retired.find(one => one.number === number)
  }

  async #make(): Promise<void> {
    const { keys, boot, randomBytes, createTail } = this.#options
    const number = ++this.#tried
    const failures = this.#failures
    try {
      const dek = randomBytes(KEY_BYTES)
      const wrappedKey = await keys.wrap(dek, keyContext(boot, 'tail'))
      const header = encodeTailHeader({ boot, number, keyId: keys.id, wrappedKey })
      const file = await createTail(tailName(number), header)
      const batches = new BatchWriter(tailKey(dek), header)
      await this.#logMade(number, file)
      const made = { number, file, batches, bytes: header.length, blocks: 0, isSynced: true }
      this.#use(made, failures)
    } catch {
      // Nothing stands in it. What comes waits for its own file, and there a disk that isn't well shows.
      this.#waitsForDisk = true
    } finally {
      this.#making = null
    }
  }

  async #logMade(number: number, file: TailFile): Promise<void> {
    try {
      await this.#options.log.append({ kind: 'tailMade', tail: number })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  #use(made: Segment, failures: number): void {
    // One that was begun before the failure says nothing about the disk after it.
    if (this.#failures !== failures) {
      this.#retired.push(made)
      return
    }
    this.#failure = null
    this.#retire()
    this.#current = made
  }

  #retire(): void {
    if (this.#current !== null) this.#retired.push(this.#current)
    this.#current = null
  }

  #commitSoon(): void {
    if (this.#isClosed) return
    this.#committing ??= this.#keepCommitting()
  }

  async #writeStaged(): Promise<void> {
    await Promise.resolve()
    this.#writing = null
    this.#putStaged()
    this.write()
  }

  #putStaged(): void {
    for (const stager of this.#staged) stager.putInTail()
    this.#staged.clear()
  }

  async #keepCommitting(): Promise<void> {
    try {
      while (this.#failure === null && (this.#staged.size > 0 || this.#hasUnsynced())) {
        await this.#options.sleep(LAZY_WINDOW_MS)
        await this.#commit()
      }
    } finally {
      this.#committing = null
    }
  }

  /** One sync for all sessions. Never rejects: a failure shows on the next entry of every session. */
  async #commit(): Promise<void> {
    try {
      // On a disk that isn't well a write could hang, and with it all sessions. Blocks get to their frames without it.
      if (this.isReady) {
        this.#putStaged()
        this.write()
      }
    } catch {
      return // remembered as the failure
    }
    this.#staged.clear()
    const { watch } = this.#options
    const commit = watch.begin()
    try {
      await Promise.all(this.#segments().map(syncSegment))
    } catch (error) {
      this.#fail('SYNC_FAILED', 'syncing', error)
    } finally {
      watch.end(commit)
    }
    this.#discardRetired()
  }

  #segments(): readonly Segment[] {
    return this.#current === null ? this.#retired : [...this.#retired, this.#current]
  }

  #hasUnsynced(): boolean {
    return this.#segments().some(({ isSynced }) => !isSynced)
  }

  #discardRetired(): void {
    for (const [at, segment] of [...this.#retired.entries()].reverse()) {
      if (segment.blocks > 0) continue
      this.#retired.splice(at, 1)
      const discarding = this.#discard(segment).finally(() => this.#discarding.delete(discarding))
      this.#discarding.add(discarding)
    }
  }

  /** Says so first, and durably: a tail that is gone without a word was taken away. */
  async #discard({ number, file }: Segment): Promise<void> {
    try {
      await this.#options.log.append({ kind: 'tailGone', tail: number })
      await file.discard()
    } catch {
      // One that stays behind is recognised: all in it is in frames already.
    }
  }

  #fail(code: 'WRITE_FAILED' | 'SYNC_FAILED', doing: string, cause: unknown): RecordingError {
    if (this.#failure !== null) return this.#failure
    const failure = diskFailure({ code, doing: `${doing} the tail of`, place: this.#options.storage.place, cause })
    this.#failure = failure
    this.#lastFailure = failure
    this.#failures += 1
    this.#staged.clear()
    // Never written or synced again. It stays until all blocks that have entries in it are in frames.
    if (this.#current !== null) this.#current.isSynced = true
    this.#retire()
    return failure
  }
}

/** The name of a boot's n-th tail. */
export const tailName = (number: number): string => `${String(number).padStart(6, '0')}${TAIL_SUFFIX}`

async function syncSegment(segment: Segment): Promise<void> {
  if (segment.isSynced) return
  // Before the sync: what is written while it runs needs another.
  segment.isSynced = true
  await segment.file.sync()
}
