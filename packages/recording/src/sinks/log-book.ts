import { join } from 'node:path'
import { RecordingError } from '../errors.ts'
import { FRAME_HEADER_BYTES, FRAME_LEN_MIN, HEADER_BYTES_MAX, MAGIC_BYTES, TAG_BYTES } from '../format/layout.ts'
import { decodeLogEntry, LOG_NAME, type LogEntry } from '../writer/instance-log.ts'
import type { Head } from '../writer/journal.ts'
import { bootFolders } from './directory.ts'
import type { FileSystem } from './file-system.ts'

/** What is read at once. */
const READ_BYTES = 65_536
/** Entries of a log are small; what claims to be longer is none. */
const ENTRY_BYTES_MAX = 1_048_576
const HOUR_MS = 3_600_000

/** What the logs of a directory say of one recording. */
export interface BookedRecording {
  /** Its CLOSE or RECOVERY is durable: how far it got, and when that was, in milliseconds since 1970. */
  readonly ended: { readonly head: Head; readonly at: number } | null
  readonly isStored: boolean
  readonly isRetired: boolean
  readonly isShredded: boolean
}

/**
 * Follows all instance logs of a directory as they grow: each is read once. For who works on recordings that ended; what
 * the logs are worth is for the verifier to say.
 */
export class LogBook {
  readonly #dir: string
  readonly #files: FileSystem
  readonly #readers = new Map<string, LogReader>()
  readonly #recordings = new Map<string, BookedRecording>()
  readonly #hours = new Set<number>()

  constructor(dir: string, files: FileSystem) {
    this.#dir = dir
    this.#files = files
  }

  /** Reads what has been added. @throws RecordingError DIRECTORY_UNUSABLE */
  async follow(): Promise<void> {
    for (const boot of await bootFolders(this.#dir, this.#files)) {
      const reader = this.#readers.get(boot) ?? new LogReader(join(this.#dir, boot, LOG_NAME), this.#files)
      this.#readers.set(boot, reader)
      await reader.follow((entry, at) => this.#take(entry, at))
    }
  }

  of(recording: string): BookedRecording {
    return this.#recordings.get(recording) ?? UNKNOWN
  }

  /** The hours since 1970 in which something was written down. */
  hours(): ReadonlySet<number> {
    return this.#hours
  }

  #take(entry: LogEntry, at: number): void {
    this.#hours.add(Math.floor(at / HOUR_MS))
    const change = changeBy(entry, at)
    if (change !== null && 'recording' in entry && entry.recording !== null) this.#change(entry.recording, change)
  }

  #change(recording: string, change: Partial<BookedRecording>): void {
    this.#recordings.set(recording, { ...this.of(recording), ...change })
  }
}

function changeBy(entry: LogEntry, at: number): Partial<BookedRecording> | null {
  switch (entry.kind) {
    case 'closed':
    case 'recovered':
      return { ended: { head: entry.head, at } }
    case 'stored':
      return { isStored: true }
    case 'retired':
      return { isRetired: true }
    case 'shredded':
      return { isShredded: true }
    default:
      return null
  }
}

const UNKNOWN: BookedRecording = { ended: null, isStored: false, isRetired: false, isShredded: false }

/** One log, from where it was left. */
class LogReader {
  readonly #file: string
  readonly #files: FileSystem
  #offset = 0
  /** What follows a damaged entry isn't believed. */
  #isDamaged = false

  constructor(file: string, files: FileSystem) {
    this.#file = file
    this.#files = files
  }

  async follow(take: (entry: LogEntry, at: number) => void): Promise<void> {
    if (this.#isDamaged) return
    const handle = await this.#files.open(this.#file, 'read').catch(absentAsNull)
    if (handle === null) return
    try {
      const size = await handle.size()
      let rest: Buffer = Buffer.alloc(0)
      while (this.#offset + rest.length < size && !this.#isDamaged) {
        const more = await handle.read(this.#offset + rest.length, READ_BYTES)
        if (more.length === 0) break
        rest = this.#takeWhole(Buffer.concat([rest, more]), take)
      }
    } finally {
      await handle.close()
    }
  }

  /** Takes whole entries from the start of these bytes; gives the rest. */
  #takeWhole(bytes: Buffer, take: (entry: LogEntry, at: number) => void): Buffer {
    let at = this.#offset === 0 ? headerLength(bytes) : 0
    if (at > HEADER_BYTES_MAX + MAGIC_BYTES + 4) this.#isDamaged = true
    if (at === 0 && this.#offset === 0) return bytes
    while (at + 4 <= bytes.length && !this.#isDamaged) {
      const length = bytes.readUInt32BE(at)
      if (length < FRAME_LEN_MIN || length > ENTRY_BYTES_MAX) this.#isDamaged = true
      if (this.#isDamaged || at + 4 + length > bytes.length) break
      this.#takeFrame(bytes.subarray(at, at + 4 + length), take)
      at += 4 + length
    }
    const taken = Math.min(at, bytes.length)
    this.#offset += taken
    return bytes.subarray(taken)
  }

  #takeFrame(frame: Buffer, take: (entry: LogEntry, at: number) => void): void {
    try {
      const body = frame.subarray(FRAME_HEADER_BYTES, frame.length - TAG_BYTES)
      const { entry } = decodeLogEntry(frame.readUInt8(4), body)
      if (entry !== null) take(entry, Number(frame.readBigInt64BE(22)) / 1e3)
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error
      this.#isDamaged = true
    }
  }
}

/** Where the first entry begins; 0 while the header isn't there whole. */
function headerLength(bytes: Buffer): number {
  if (bytes.length < MAGIC_BYTES + 4) return 0
  const length = MAGIC_BYTES + 4 + bytes.readUInt32BE(MAGIC_BYTES)
  return length <= bytes.length || length > HEADER_BYTES_MAX + MAGIC_BYTES + 4 ? length : 0
}

function absentAsNull(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
  throw error
}
