import { join } from 'node:path'
import { parseCheckpoint } from '../anchoring/checkpoint.ts'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { parseNote } from '../anchoring/signed-note.ts'
import { RecordingError } from '../errors.ts'
import type { ObjectLock, ObjectStore } from '../object-store/object-store.ts'
import { conflict, putOnce } from '../object-store/s3-anchor.ts'
import { LOG_NAME } from '../writer/instance-log.ts'
import type { FileSystem } from './file-system.ts'
import { readCheckpointFile } from './read-checkpoint.ts'

/** What of a log goes into one object at most. */
const SEGMENT_BYTES_MAX = 4_194_304
/** A log that has grown by so much is uploaded at once. */
const SEGMENT_BYTES_DUE = 1_048_576
const DIGITS = 20
const SEGMENT_KEY = /\/instance\.log\/(\d{20})-(\d{20})$/

/** Bytes of a log: from this one up to, but not including, that one. */
export interface Segment {
  readonly key: string
  readonly from: number
  readonly to: number
}

const segmentKey = (boot: string, from: number, to: number): string =>
  `${boot}/${LOG_NAME}/${String(from).padStart(DIGITS, '0')}-${String(to).padStart(DIGITS, '0')}`

const checkpointKey = (boot: string, size: number): string =>
  `${boot}/${CHECKPOINT_NAME}/${String(size).padStart(DIGITS, '0')}`

/** The part of a log that a key stands for, or null. */
export function segmentOf(key: string): Segment | null {
  const [, from, to] = SEGMENT_KEY.exec(key) ?? []
  return from === undefined || to === undefined ? null : { key, from: Number(from), to: Number(to) }
}

/**
 * Brings a boot's log to an object store piece by piece as it grows, and with each piece the newest checkpoint over it.
 * What is there already is asked of the store once.
 */
export class LogUpload {
  readonly #log: {
    readonly folder: string
    readonly boot: string
    readonly store: ObjectStore
    readonly files: FileSystem
  }
  #uploadedTo: number | null = null
  #uploadedAt = Number.NEGATIVE_INFINITY
  #isWhole = false

  constructor(log: {
    readonly folder: string
    readonly boot: string
    readonly store: ObjectStore
    readonly files: FileSystem
  }) {
    this.#log = log
  }

  /** @throws RecordingError STORE_UNREACHABLE, STORE_REFUSED, STORE_CONFLICT. */
  async upload(now: {
    readonly lock: ObjectLock | null
    readonly now: number
    readonly everyMs: number
  }): Promise<void> {
    const { folder, boot, store, files } = this.#log
    const handle = await files.open(join(folder, LOG_NAME), 'read').catch(absentAsNull)
    if (handle === null) return
    try {
      const size = await handle.size()
      let from = this.#uploadedTo ?? (await this.#storedTo())
      this.#uploadedTo = from
      this.#isWhole = size === from
      if (size < from) throw shorter(store, boot)
      const isDue = size - from >= SEGMENT_BYTES_DUE || now.now - this.#uploadedAt >= now.everyMs
      if (size === from || !isDue) return
      while (from < size) {
        const bytes = await handle.read(from, Math.min(SEGMENT_BYTES_MAX, size - from))
        const to = from + bytes.length
        await putOnce(store, segmentKey(boot, from, to), bytes, now.lock)
        from = to
        this.#uploadedTo = to
      }
      this.#uploadedAt = now.now
      this.#isWhole = true
    } finally {
      await handle.close()
    }
    await this.#uploadCheckpoint(now.lock)
  }

  /** Whether all that was here at the last look is there. */
  isWhole(): boolean {
    return this.#isWhole
  }

  /** @throws RecordingError STORE_CONFLICT: what is there isn't one piece after another. */
  async #storedTo(): Promise<number> {
    const { boot, store } = this.#log
    let to = 0
    for await (const { key } of store.list(`${boot}/${LOG_NAME}/`)) {
      const segment = segmentOf(key)
      if (segment === null || segment.from !== to) throw conflict(store, key)
      to = segment.to
    }
    return to
  }

  async #uploadCheckpoint(lock: ObjectLock | null): Promise<void> {
    const { folder, boot, store, files } = this.#log
    const note = await readCheckpointFile(folder, files)
    if (note === null) return
    const size = sizeIn(note)
    // One that is there may have fewer signatures of witnesses; as a checkpoint it is the same.
    if (size !== null) await store.put(checkpointKey(boot, size), Buffer.from(note), lock)
  }
}

function sizeIn(note: string): number | null {
  try {
    return parseCheckpoint(parseNote(note).text).size
  } catch (error) {
    if (error instanceof RecordingError) return null
    throw error
  }
}

function shorter(store: ObjectStore, boot: string): RecordingError {
  return new RecordingError(
    'STORE_CONFLICT',
    `the instance log of boot ${boot} is shorter here than in ${store.place}: it was cut, or its disk lost what it had; compare both with \`querywarden sessions fetch\``,
  )
}

function absentAsNull(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
  throw error
}
