/** A file that only grows. */
export interface AppendFile {
  /** Writes at the end; may write less than asked, as write(2) does. Resolves with the bytes written. */
  readonly write: (bytes: Uint8Array) => Promise<number>
  /** Resolves when all that was written is on the disk: fdatasync(2). */
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

/** A file for what is about to be in others. */
export interface TailFile {
  /**
   * Writes all of it at the end and returns when the kernel has it, so that a process that is killed after that loses
   * nothing. Doesn't wait for the disk. Throws where it can't.
   */
  readonly writeNow: (bytes: Uint8Array) => void
  /** Resolves when all that was written is on the disk: fdatasync(2). */
  readonly sync: () => Promise<void>
  /** Closes it, and leaves it to be found. */
  readonly close: () => Promise<void>
  /** Closes and removes it: nothing in it is needed any more. */
  readonly discard: () => Promise<void>
}

/** Where one run of a recorder keeps its files. The file system's is in sinks/; tests bring one that fails. */
export interface Storage {
  /** Named in errors, so that a person knows where to look. */
  readonly place: string
  readonly freeBytes: () => Promise<number>
  /** Makes a file with its first bytes, whole or not at all, and durable together with its name. */
  readonly create: (name: string, bytes: Uint8Array) => Promise<AppendFile>
  /** Puts a whole small file in the place of another of this name, if there is one; durable when it resolves. */
  readonly replace?: (name: string, bytes: Uint8Array) => Promise<void>
  /**
   * The same as `create` for a tail. Without it every entry waits for the disk: leave it out where nothing outlives the process but
   * what was synced.
   */
  readonly createTail?: (name: string, bytes: Uint8Array) => Promise<TailFile>
}
