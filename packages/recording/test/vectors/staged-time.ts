import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '@querywarden/policy-core'
import type { FileSystem, OpenFile } from '../../src/sinks/file-system.ts'
import { nodeFiles } from '../../src/sinks/node-files.ts'

const START_MS = 1_750_000_000_000

/** Time that goes on when it is told to: the same account has the same stamps, however long the disk took. */
export class StagedTime {
  #ms = 0
  /** How far the wall clock was set off the other one. */
  #wallOffset = 0
  #working = 0
  #due: { readonly at: number; readonly wake: () => void }[] = []

  readonly clock: Clock = { now: () => START_MS + this.#ms + this.#wallOffset, monotonic: () => this.#ms }

  readonly sleep = (ms: number): Promise<void> => new Promise(wake => this.#due.push({ at: this.#ms + ms, wake }))

  /** Sets the wall clock, and not the other. */
  setWall(offsetMs: number): void {
    this.#wallOffset = offsetMs
  }

  /** Lets time go on, and what waited for it do its work on the disk. */
  async pass(ms: number): Promise<void> {
    this.#ms += ms
    const woken = this.#due.filter(({ at }) => at <= this.#ms)
    this.#due = this.#due.filter(({ at }) => at > this.#ms)
    for (const { wake } of woken) {
      wake()
      await this.#settle()
    }
    await this.#settle()
  }

  /** Files of which it is known whether somebody waits for them. */
  readonly files: FileSystem = {
    ...nodeFiles,
    open: async (path, mode) => this.#watched(await this.#work(nodeFiles.open(path, mode))),
    readFile: path => this.#work(nodeFiles.readFile(path)),
    readFolder: path => this.#work(nodeFiles.readFolder(path)),
    makeFolder: path => this.#work(nodeFiles.makeFolder(path)),
    rename: (from, to) => this.#work(nodeFiles.rename(from, to)),
    remove: path => this.#work(nodeFiles.remove(path)),
    truncate: (path, size) => this.#work(nodeFiles.truncate(path, size)),
    syncFolder: path => this.#work(nodeFiles.syncFolder(path)),
    modifiedAt: path => this.#work(nodeFiles.modifiedAt(path)),
    touch: (path, at) => this.#work(nodeFiles.touch(path, at)),
    freeBytes: path => this.#work(nodeFiles.freeBytes(path)),
  }

  #watched(file: OpenFile): OpenFile {
    return {
      ...file,
      write: bytes => this.#work(file.write(bytes)),
      writeAt: (position, bytes) => this.#work(file.writeAt(position, bytes)),
      read: (position, count) => this.#work(file.read(position, count)),
      size: () => this.#work(file.size()),
      sync: () => this.#work(file.sync()),
      syncData: () => this.#work(file.syncData()),
      close: () => this.#work(file.close()),
    }
  }

  async #work<T>(doing: Promise<T>): Promise<T> {
    this.#working += 1
    try {
      return await doing
    } finally {
      this.#working -= 1
    }
  }

  /** Until nobody has had anything to do with a file for some turns of the event loop. */
  async #settle(): Promise<void> {
    for (let idle = 0; idle < IDLE_TURNS; idle++) {
      if (this.#working > 0) idle = 0
      await turn()
    }
  }
}

/** More than any step takes from the end of one operation to the next. */
const IDLE_TURNS = 20

/** Bytes that look random and are the same every time; enough of them for keys and nonces. */
export function staleBytes(): (count: number) => Uint8Array {
  let state = 0x9e3779b9
  return count => {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      bytes[at] = state >>> 24
    }
    return bytes
  }
}

/** Ids that sort in the order they were made. */
export function countedIds(): () => string {
  let count = 0
  return () => `0197a000-0000-7000-8000-${String(++count).padStart(12, '0')}`
}
