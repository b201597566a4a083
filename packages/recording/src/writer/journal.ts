import type { Clock } from '@querywarden/policy-core'
import type { RecordingError } from '../errors.ts'
import { type CborMap, encodeCbor } from '../format/canonical-cbor.ts'
import { chainNext, chainStart } from '../format/chain.ts'
import type { MetaKeys, ValueKeys } from '../format/keys.ts'
import type { Stamp } from '../format/layout.ts'
import { type Position, sealClearFrame, sealFrame } from '../format/seal.ts'
import { CommitQueue, type Sleep } from './commit-queue.ts'
import type { DiskWatch } from './disk-watch.ts'
import type { Storage } from './storage.ts'

/** How far a file is known to be on the disk: so many frames, and the chain's value after them. */
export interface Head {
  readonly frames: number
  readonly chain: Uint8Array
}

/** A moment in both times. Monotonic time is fractional milliseconds; nanoseconds keep what it has. */
export const stampOf = (clock: Clock): Stamp => ({
  monoNs: BigInt(Math.round(clock.monotonic() * 1e6)),
  wallUs: BigInt(Math.round(clock.now() * 1e3)),
})

/** A file under the chain while it is written: a recording or an instance log. */
export class Journal {
  readonly #queue: CommitQueue
  #frames: number
  #chain: Uint8Array
  #bytes: number
  #durable: Head

  private constructor(queue: CommitQueue, written: { readonly head: Head; readonly bytes: number }) {
    this.#queue = queue
    this.#frames = written.head.frames
    this.#chain = written.head.chain
    this.#bytes = written.bytes
    this.#durable = written.head
  }

  /** Makes the file with its header and first frame, durable when this resolves. */
  static async create(
    storage: Storage,
    name: string,
    start: {
      readonly header: Uint8Array
      readonly first: (position: Position) => Buffer
      readonly sleep: Sleep
      readonly watch: DiskWatch
    },
  ): Promise<Journal> {
    const chain = chainStart(start.header)
    const frame = start.first({ seq: 0, chain })
    const bytes = Buffer.concat([start.header, frame])
    const file = await storage.create(name, bytes)
    const head = { frames: 1, chain: chainNext(chain, frame) }
    const queue = new CommitQueue(file, { sleep: start.sleep, place: storage.place, watch: start.watch })
    return new Journal(queue, { head, bytes: bytes.length })
  }

  /** Bytes given to the file so far, durable or not. */
  get bytes(): number {
    return this.#bytes
  }
  get durable(): Head {
    return this.#durable
  }
  get failure(): RecordingError | null {
    return this.#queue.failure
  }
  /** Whether its disk is so far behind that whoever appends should wait. */
  get isFull(): boolean {
    return this.#queue.isFull
  }
  /** Where the next frame goes. */
  get position(): Position {
    return { seq: this.#frames, chain: this.#chain }
  }

  /** Appends a frame made for {@link Journal.position}; resolves when it is durable. */
  async append(frame: Buffer): Promise<void> {
    const head = this.#advance(frame)
    await this.#queue.append(frame)
    this.#reached(head)
  }

  /** The same, but on its way to the disk with the next commit. A failure shows on the next append. */
  give(frame: Buffer): void {
    const head = this.#advance(frame)
    this.#queue.give(frame, () => this.#reached(head))
  }

  /** The same; resolves when the file can take more. */
  appendLazily(frame: Buffer): Promise<void> {
    if (this.#queue.failure !== null) return Promise.reject(this.#queue.failure)
    this.give(frame)
    return this.isFull ? this.room() : TAKEN
  }

  /** Resolves at once while the disk isn't far behind, else when it has caught up. */
  room(): Promise<void> {
    return this.#queue.room()
  }

  /**
   * Appends the final frame when all before it is on the disk. In one write with it a power cut could keep the final frame
   * alone, and then it would look as if somebody had changed what comes before.
   */
  async appendFinal(make: (position: Position) => Buffer): Promise<void> {
    await this.#queue.flush()
    await this.append(make(this.position))
  }

  close(): Promise<void> {
    return this.#queue.close()
  }

  #reached(head: Head): void {
    if (head.frames > this.#durable.frames) this.#durable = head
  }

  #advance(frame: Buffer): Head {
    this.#chain = chainNext(this.#chain, frame)
    this.#frames += 1
    this.#bytes += frame.length
    return { frames: this.#frames, chain: this.#chain }
  }
}

const TAKEN: Promise<void> = Promise.resolve()

/** Makes encrypted frames for a position, stamped now. */
export const framer =
  (clock: Clock, keys: { readonly meta: MetaKeys; readonly value: ValueKeys }) =>
  (type: number, bodies: { readonly meta: CborMap; readonly value: CborMap | null }) =>
  (position: Position): Buffer =>
    sealFrame(
      position,
      {
        type,
        stamp: stampOf(clock),
        meta: bodies.meta,
        value: bodies.value === null ? null : [encodeCbor(bodies.value)],
      },
      keys,
    )

/** Makes clear frames for a position, stamped now. */
export const clearFramer =
  (clock: Clock, keys: MetaKeys) =>
  (type: number, body: CborMap, end: 'final' | 'more') =>
  (position: Position): Buffer =>
    sealClearFrame(position, { type, stamp: stampOf(clock), body, final: end === 'final' }, keys)
