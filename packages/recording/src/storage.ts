/** A file that only grows. */
export interface AppendFile {
  /** Writes at the end; may write less than asked, as write(2) does. Resolves with the bytes written. */
  readonly write: (bytes: Uint8Array) => Promise<number>
  /** Resolves when all that was written is on the disk: fdatasync(2). */
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Where one run of a recorder keeps its files. The file system's is in sinks/; tests bring one that fails. */
export interface Storage {
  /** Named in errors, so that a person knows where to look. */
  readonly place: string
  readonly freeBytes: () => Promise<number>
  /** Makes a file with its first bytes, whole or not at all, and durable together with its name. */
  readonly create: (name: string, bytes: Uint8Array) => Promise<AppendFile>
}
