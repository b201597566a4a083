import { createHash, randomBytes } from 'node:crypto'
import { S3Error } from './s3-error.ts'

/** Until when a version can't go, and whether anybody may lift that. */
export interface VersionLock {
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE'
  readonly retainUntil: number
}

/** One version of an object, as a bucket with versioning keeps it. */
export interface Version {
  readonly id: string
  /** Null: a delete marker. */
  readonly bytes: Buffer | null
  readonly etag: string
  /** Base64; of several parts `<digest of digests>-<parts>`. */
  readonly sha256: string
  lock: VersionLock | null
}

export interface Part {
  readonly number: number
  readonly bytes: Buffer
  readonly etag: string
  readonly sha256: string
}

interface Upload {
  readonly key: string
  readonly lock: VersionLock | null
  readonly parts: Map<number, Part>
}

const base64Hash = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('base64')
}
const etagOf = (bytes: Uint8Array): string => `"${createHash('md5').update(bytes).digest('hex')}"`

/** A bucket with versioning and Object Lock, in memory. */
export class Bucket {
  /** The newest version is last. */
  readonly versions: Map<string, Version[]> = new Map()
  readonly uploads: Map<string, Upload> = new Map()
  readonly #now: () => number
  readonly #partBytesMin: number

  constructor(options: { readonly now: () => number; readonly partBytesMin: number }) {
    this.#now = options.now
    this.#partBytesMin = options.partBytesMin
  }

  /** The newest version, unless it is a delete marker. */
  find(key: string): (Version & { readonly bytes: Buffer }) | null {
    const newest = this.versions.get(key)?.at(-1)
    return newest !== undefined && newest.bytes !== null ? { ...newest, bytes: newest.bytes } : null
  }

  /** Overwriting never takes anything away: it makes another version. */
  put(
    key: string,
    bytes: Buffer,
    given: { readonly onlyNew: boolean; readonly lock: VersionLock | null; readonly sha256?: string },
  ): Version {
    if (given.onlyNew && this.find(key) !== null) throw new S3Error(412, 'PreconditionFailed')
    if (given.lock !== null && given.lock.retainUntil <= this.#now()) {
      throw new S3Error(400, 'InvalidArgument', 'the retain until date must be in the future')
    }
    const version = {
      id: randomBytes(12).toString('hex'),
      bytes,
      etag: etagOf(bytes),
      sha256: given.sha256 ?? base64Hash(bytes),
      lock: given.lock,
    }
    this.versions.set(key, [...(this.versions.get(key) ?? []), version])
    return version
  }

  /** Without a version: a marker, behind which all versions are still there. */
  remove(key: string, versionId: string | null, mayBypass: boolean): void {
    const versions = this.versions.get(key) ?? []
    if (versionId === null) {
      const marker = { id: randomBytes(12).toString('hex'), bytes: null, etag: '', sha256: '', lock: null }
      this.versions.set(key, [...versions, marker])
      return
    }
    const found = versions.find(({ id }) => id === versionId)
    if (found === undefined) return
    if (this.#isHeld(found.lock, mayBypass)) throw new S3Error(403, 'AccessDenied', 'the version is locked')
    this.versions.set(
      key,
      versions.filter(({ id }) => id !== versionId),
    )
  }

  /** Retention can be made longer; shorter only under GOVERNANCE, by who may. */
  retain(key: string, versionId: string | null, lock: VersionLock, mayBypass: boolean): void {
    const versions = this.versions.get(key) ?? []
    const found = versionId === null ? versions.at(-1) : versions.find(({ id }) => id === versionId)
    if (found === undefined || found.bytes === null) throw new S3Error(404, 'NoSuchKey')
    const isWeaker =
      found.lock !== null &&
      (lock.retainUntil < found.lock.retainUntil || (found.lock.mode === 'COMPLIANCE' && lock.mode === 'GOVERNANCE'))
    if (isWeaker && this.#isHeld(found.lock, mayBypass)) throw new S3Error(403, 'AccessDenied', 'the version is locked')
    found.lock = lock
  }

  begin(key: string, lock: VersionLock | null): string {
    const id = randomBytes(12).toString('hex')
    this.uploads.set(id, { key, lock, parts: new Map() })
    return id
  }

  upload(id: string, key: string): Upload {
    const upload = this.uploads.get(id)
    if (upload === undefined || upload.key !== key) throw new S3Error(404, 'NoSuchUpload')
    return upload
  }

  putPart(id: string, key: string, number: number, bytes: Buffer): Part {
    if (!Number.isInteger(number) || number < 1 || number > 10_000) throw new S3Error(400, 'InvalidArgument')
    const part = { number, bytes, etag: etagOf(bytes), sha256: base64Hash(bytes) }
    this.upload(id, key).parts.set(number, part)
    return part
  }

  complete(
    id: string,
    key: string,
    listed: readonly { readonly number: number; readonly etag: string; readonly sha256: string | null }[],
    onlyNew: boolean,
  ): Version {
    const upload = this.upload(id, key)
    const parts = listed.map(({ number, etag, sha256 }, index) => {
      const part = upload.parts.get(number)
      if (part === undefined || part.etag !== etag || (sha256 !== null && sha256 !== part.sha256)) {
        throw new S3Error(400, 'InvalidPart')
      }
      if (number <= (listed[index - 1]?.number ?? 0)) throw new S3Error(400, 'InvalidPartOrder')
      if (index < listed.length - 1 && part.bytes.length < this.#partBytesMin) throw new S3Error(400, 'EntityTooSmall')
      return part
    })
    if (parts.length === 0) throw new S3Error(400, 'MalformedXML')
    const sha256 = `${base64Hash(...parts.map(part => Buffer.from(part.sha256, 'base64')))}-${parts.length}`
    const version = this.put(key, Buffer.concat(parts.map(({ bytes }) => bytes)), {
      onlyNew,
      lock: upload.lock,
      sha256,
    })
    this.uploads.delete(id)
    return version
  }

  #isHeld(lock: VersionLock | null, mayBypass: boolean): boolean {
    if (lock === null || lock.retainUntil <= this.#now()) return false
    return lock.mode === 'COMPLIANCE' || !mayBypass
  }
}
