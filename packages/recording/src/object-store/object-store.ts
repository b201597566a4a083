/** Until when an object can't be taken away: by nobody (`COMPLIANCE`), or only by who has a right of its own (`GOVERNANCE`). */
export interface ObjectLock {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE'
  /** Milliseconds since 1970. */
  readonly retainUntil: number
}

/** An object in a list. */
export interface ListedObject {
  readonly key: string
  readonly bytes: number
}

/** One part of an upload, as the store has it. */
export interface StoredPart {
  readonly number: number
  readonly bytes: number
  readonly etag: string
  /** Null where the store doesn't tell. */
  readonly sha256: Uint8Array | null
}

/** What became of an object that was to be made: it is there now, or one was there before, whatever is in it. */
export type Made = 'made' | 'exists'

/**
 * Where objects are kept under keys, each made once and never changed. Keys are relative to where the store was opened.
 *
 * Every function rejects with RecordingError STORE_UNREACHABLE where the store could not be asked in spite of several
 * tries, and STORE_REFUSED where it said no.
 */
export interface ObjectStore {
  /** Named in errors and in logs: `s3://bucket/prefix`. */
  readonly place: string
  /** Makes an object, never over another. */
  readonly put: (key: string, bytes: Uint8Array, lock: ObjectLock | null) => Promise<Made>
  readonly head: (key: string) => Promise<{ readonly bytes: number; readonly lock: ObjectLock | null } | null>
  /** The bytes from `from` up to but not including `to`; null: no such object. */
  readonly get: (key: string, from: number, to: number) => Promise<Uint8Array | null>
  /** In the order of their keys. */
  readonly list: (prefix: string) => AsyncIterable<ListedObject>
  /** Uploads of this key that were begun, and neither completed nor dropped. */
  readonly uploads: (key: string) => Promise<readonly string[]>
  readonly begin: (key: string, lock: ObjectLock | null) => Promise<string>
  readonly putPart: (key: string, upload: string, part: { number: number; bytes: Uint8Array }) => Promise<StoredPart>
  /** Null: no such upload, as where it was completed. */
  readonly parts: (key: string, upload: string) => Promise<readonly StoredPart[] | null>
  /** Makes the object of its parts, never over another. Null: no such upload. */
  readonly complete: (key: string, upload: string, parts: readonly StoredPart[]) => Promise<Made | null>
  readonly abort: (key: string, upload: string) => Promise<void>
}
