import { createHash } from 'node:crypto'
import { RecordingError } from '../errors.ts'
import type { ObjectLock, ObjectStore, StoredPart } from '../object-store/object-store.ts'
import { conflict } from '../object-store/s3-anchor.ts'
import type { FileSystem, OpenFile } from './file-system.ts'

/** What is read and digested at once: half a millisecond. */
const READ_BYTES = 262_144
/** How large parts are where the file isn't larger than so many of them. Held in memory, one at a time. */
export const PART_BYTES: number = 8 * 1_048_576
/** S3 takes no more (Amazon S3 user guide, "Multipart upload limits"). */
const PARTS_MAX = 10_000

/** A file that is in an object store now. */
export interface UploadedFile {
  readonly sha256: Uint8Array
  readonly bytes: number
}

export interface UploadOptions {
  readonly store: ObjectStore
  readonly files: FileSystem
  readonly lock: ObjectLock | null
  readonly partBytes: number
  /** Asked between parts; true: stop here. */
  readonly isStopped: () => boolean
}

/**
 * Brings a file that grows no more to an object store: a small one at once, a large one in parts. Goes on where an earlier
 * try was cut short, by what the store says it has. Null: it was stopped.
 *
 * @throws RecordingError STORE_CONFLICT: another object has that key; STORE_UNREACHABLE, STORE_REFUSED.
 */
export async function uploadFile(file: string, key: string, options: UploadOptions): Promise<UploadedFile | null> {
  const handle = await options.files.open(file, 'read')
  try {
    const bytes = await handle.size()
    const source = { handle, bytes, key }
    return bytes <= options.partBytes ? await uploadWhole(source, options) : await uploadParts(source, options)
  } finally {
    await handle.close()
  }
}

interface Source {
  readonly handle: OpenFile
  readonly bytes: number
  readonly key: string
}

async function uploadWhole({ handle, bytes, key }: Source, { store, lock }: UploadOptions): Promise<UploadedFile> {
  const whole = createHash('sha256')
  const { content } = await readPart(handle, { from: 0, to: bytes, whole })
  const uploaded = { sha256: whole.digest(), bytes }
  if ((await store.put(key, content, lock)) === 'exists') await checkSame(store, key, uploaded)
  return uploaded
}

async function uploadParts(source: Source, options: UploadOptions): Promise<UploadedFile | null> {
  const { handle, bytes, key } = source
  const { store } = options
  const upload = await openUpload(key, options)
  const known = new Map(upload.parts.map(part => [part.number, part]))
  const partBytes = Math.max(options.partBytes, Math.ceil(bytes / PARTS_MAX))
  const whole = createHash('sha256')
  const parts: StoredPart[] = []
  for (let from = 0; from < bytes; from += partBytes) {
    if (options.isStopped()) return null
    const number = parts.length + 1
    const { content, sha256 } = await readPart(handle, { from, to: Math.min(from + partBytes, bytes), whole })
    const there = known.get(number)
    const isThere = there?.bytes === content.length && there.sha256 !== null && sha256.equals(there.sha256)
    parts.push(isThere && there !== undefined ? there : await store.putPart(key, upload.id, { number, bytes: content }))
  }
  const uploaded = { sha256: whole.digest(), bytes }
  const made = await store.complete(key, upload.id, parts)
  // An answer that was lost: no upload any more, and perhaps the object instead.
  if (made === null && (await store.head(key)) === null) return uploadParts(source, options)
  if (made !== 'made') await checkSame(store, key, uploaded)
  if (made === 'exists') await store.abort(key, upload.id)
  return uploaded
}

/** The upload that an earlier try began, or a new one. */
async function openUpload(
  key: string,
  { store, lock }: UploadOptions,
): Promise<{ readonly id: string; readonly parts: readonly StoredPart[] }> {
  const [id, ...others] = await store.uploads(key)
  for (const other of others) await store.abort(key, other)
  const parts = id === undefined ? null : await store.parts(key, id)
  return id !== undefined && parts !== null ? { id, parts } : { id: await store.begin(key, lock), parts: [] }
}

async function readPart(
  handle: OpenFile,
  { from, to, whole }: { readonly from: number; readonly to: number; readonly whole: ReturnType<typeof createHash> },
): Promise<{ readonly content: Buffer; readonly sha256: Buffer }> {
  const content = Buffer.allocUnsafe(to - from)
  const part = createHash('sha256')
  for (let at = 0; at < content.length; ) {
    const piece = await handle.read(from + at, Math.min(READ_BYTES, content.length - at))
    if (piece.length === 0) throw new RecordingError('MALFORMED', 'a file became shorter while it was read')
    piece.copy(content, at)
    part.update(piece)
    whole.update(piece)
    at += piece.length
  }
  return { content, sha256: part.digest() }
}

/** Reads an object back, and compares. @throws RecordingError STORE_CONFLICT */
async function checkSame(store: ObjectStore, key: string, { sha256, bytes }: UploadedFile): Promise<void> {
  const there = await store.head(key)
  const hash = createHash('sha256')
  for (let from = 0; there?.bytes === bytes && from < bytes; from += PART_BYTES) {
    hash.update((await store.get(key, from, Math.min(from + PART_BYTES, bytes))) ?? '')
  }
  if (there?.bytes !== bytes || !hash.digest().equals(sha256)) throw conflict(store, key)
}
