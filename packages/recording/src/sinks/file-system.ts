/** Tells one process from all others, as far as the system lets us (proc(5)). */
export interface ProcessMark {
  readonly pid: string
  /** Clock ticks since the machine's boot: a pid that was given out again has another. */
  readonly startedAt: string
  /** The machine's boot and the pid namespace: only within both does a pid mean anything. */
  readonly world: string
}

/**
 * An open file. What was written is in the kernel: a process that is killed loses nothing of it. A power cut may take
 * any of it, in pieces and in any order, that no sync came after; the size may have grown without the bytes.
 */
export interface OpenFile {
  /** Writes at the end; may write less than asked. Resolves with the count. Not for a file opened to `update`. */
  readonly write: (bytes: Uint8Array) => Promise<number>
  /** The same, done when it returns. */
  readonly writeNow: (bytes: Uint8Array) => number
  /** Writes over what is there, and on from there. For a file opened to `update`. */
  readonly writeAt: (position: number, bytes: Uint8Array) => Promise<number>
  /** Reads up to so many bytes from there on; fewer only at the end. */
  readonly read: (position: number, count: number) => Promise<Buffer>
  readonly size: () => Promise<number>
  /**
   * Resolves when all that was written before it was called is on the disk, size included: fsync(2). Where it rejects
   * the kernel may have forgotten what it could not write, and a second one says nothing about that.
   */
  readonly sync: () => Promise<void>
  /** The same but for times and such: fdatasync(2). */
  readonly syncData: () => Promise<void>
  readonly close: () => Promise<void>
}

/** A name in a folder. */
export interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
  readonly isFile: boolean
}

/** `create`: must not be there. `append`: must be there. `update`: the same, written anywhere. */
export type OpenMode = 'create' | 'append' | 'update' | 'read'

/**
 * What recordings need of a file system: the system's own, or one that is simulated to see what crashes leave. Errors
 * have the system's names in `code`. Changes to names are durable when their folder is synced, and not before: until then
 * a power cut may keep or lose each of them, whichever came first.
 */
export interface FileSystem {
  /** Files that it makes are for their owner alone. Their names are durable with {@link FileSystem.syncFolder}. */
  readonly open: (path: string, mode: OpenMode) => Promise<OpenFile>
  /** A whole file; small ones only. */
  readonly readFile: (path: string) => Promise<Buffer>
  /** A file in pieces. */
  readonly readPieces: (path: string) => AsyncIterable<Uint8Array>
  /** What is in a folder, in no order. Links, pipes and devices are neither files nor folders. */
  readonly readFolder: (path: string) => Promise<readonly FolderEntry[]>
  /** Makes a folder that isn't there, for its owner alone. */
  readonly makeFolder: (path: string) => Promise<void>
  /** Gives a file another name in one step; what had that name is gone. */
  readonly rename: (from: string, to: string) => Promise<void>
  readonly remove: (path: string) => Promise<void>
  readonly truncate: (path: string, size: number) => Promise<void>
  /** Resolves when the names in a folder are on the disk as they are. */
  readonly syncFolder: (path: string) => Promise<void>
  /** Milliseconds since 1970. */
  readonly modifiedAt: (path: string) => Promise<number>
  readonly touch: (path: string, at: number) => Promise<void>
  /** What an unprivileged process may still write there, in bytes. */
  readonly freeBytes: (path: string) => Promise<number>
  /** Null where there is no such process, or the system doesn't tell. */
  readonly processMark: (pid: 'self' | string) => Promise<ProcessMark | null>
}
