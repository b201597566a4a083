import { join } from 'node:path'
import type { RecordingError } from '../errors.ts'
import type { RandomBytes } from '../format/keys.ts'
import { diskFailure, systemCode } from '../writer/disk-failure.ts'
import type { AppendFile } from '../writer/storage.ts'
import type { FileSystem } from './file-system.ts'
import { writeWhole } from './folder-storage.ts'

/** Its name in a boot's folder. */
export const RESERVE_NAME = 'reserve'
/** What the log needs for hours, and some hundred sessions for their ends. */
export const RESERVE_BYTES = 1_048_576

/**
 * Room on the disk that is kept for when there is none: a file that goes when a write meets a full disk, and is made again
 * when there is room for it. It can be used up by others; then the log waits, and goes on where it was when there is
 * room again, so that a full disk ends sessions and not the recording of those to come.
 */
export class Reserve {
  readonly #file: string
  readonly #place: string
  readonly #files: FileSystem
  readonly #bytes: number
  readonly #randomBytes: RandomBytes
  #isHeld = false
  #releasing: Promise<void> | null = null
  #heldUp: RecordingError | null = null
  #isOver = false
  readonly #wakers = new Set<() => void>()
  readonly #impatient = new Set<(error: RecordingError) => void>()

  constructor(
    folder: string,
    files: FileSystem,
    { bytes, randomBytes }: { readonly bytes: number; readonly randomBytes: RandomBytes },
  ) {
    this.#file = join(folder, RESERVE_NAME)
    this.#place = folder
    this.#files = files
    this.#bytes = bytes
    this.#randomBytes = randomBytes
  }

  /** Why the log can't go on now, or null. */
  heldUp(): RecordingError | null {
    return this.#heldUp
  }

  /** Lets what waits try again, and makes the reserve where there is room for it beside what is to be kept free. */
  async look(freeBytesMin: number): Promise<void> {
    for (const wake of [...this.#wakers]) wake()
    if (this.#isHeld || this.#isOver || this.#bytes === 0 || this.#heldUp !== null) return
    try {
      if ((await this.#files.freeBytes(this.#place)) < freeBytesMin + 2 * this.#bytes) return
      const file = await this.#files.open(this.#file, 'create')
      try {
        // Bytes that no file system can store in less room.
        await writeWhole(file, this.#randomBytes(this.#bytes))
        await file.sync()
      } finally {
        await file.close()
      }
      this.#isHeld = true
      // It may have ended meanwhile.
      if (this.#isOver) await this.#release()
    } catch {
      // There is no room for it now: what there is others need. What else is wrong shows where recordings are written.
      await this.#files.remove(this.#file).catch(() => undefined)
    }
  }

  /** The end: what waits tries once more, and no longer. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#release()
    for (const wake of [...this.#wakers]) wake()
  }

  /** A file whose writes take the reserve where the disk is full. */
  guard(file: AppendFile): AppendFile {
    return { ...file, write: bytes => this.#write(file, bytes) }
  }

  /** The log's file: where the reserve is not enough either it waits for room. Nothing that was written is written again. */
  guardLog(file: AppendFile): AppendFile {
    return {
      ...file,
      write: async bytes => {
        for (;;) {
          try {
            const written = await this.#write(file, bytes)
            this.#heldUp = null
            return written
          } catch (error) {
            if (!isFull(error) || this.#isOver) throw error
            await this.#wait(error)
          }
        }
      },
    }
  }

  /** What is on its way to the log is not waited for while it is held up; it gets there all the same. */
  orHeldUp(written: Promise<void>): Promise<void> {
    if (this.#heldUp !== null) {
      written.catch(() => undefined)
      return Promise.reject(this.#heldUp)
    }
    return new Promise((resolve, reject) => {
      this.#impatient.add(reject)
      written.then(resolve, reject).finally(() => this.#impatient.delete(reject))
    })
  }

  async #write(file: AppendFile, bytes: Uint8Array): Promise<number> {
    try {
      return await file.write(bytes)
    } catch (error) {
      if (!isFull(error) || !this.#isHeld) throw error
      await this.#release()
      return file.write(bytes)
    }
  }

  #wait(cause: unknown): Promise<void> {
    this.#heldUp ??= diskFailure({ code: 'WRITE_FAILED', doing: 'writing the log in', place: this.#place, cause })
    for (const reject of this.#impatient) reject(this.#heldUp)
    return new Promise(resolve => {
      const wake = (): void => {
        this.#wakers.delete(wake)
        resolve()
      }
      this.#wakers.add(wake)
    })
  }

  async #release(): Promise<void> {
    if (!this.#isHeld) return
    this.#releasing ??= this.#files
      .remove(this.#file)
      .catch(() => undefined)
      .finally(() => {
        this.#isHeld = false
        this.#releasing = null
      })
    await this.#releasing
  }
}

function isFull(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EDQUOT'
}
