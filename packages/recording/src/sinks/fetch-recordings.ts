import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { CHECKPOINT_NAME } from '../anchoring/live-checkpoints.ts'
import { RecordingError } from '../errors.ts'
import type { ListedObject, ObjectStore } from '../object-store/object-store.ts'
import { systemCode } from '../writer/disk-failure.ts'
import { LOG_NAME } from '../writer/instance-log.ts'
import type { FileSystem } from './file-system.ts'
import { unusable, writeWhole } from './folder-storage.ts'
import { nodeFiles } from './node-files.ts'
import { type Segment, segmentOf } from './upload-log.ts'

/** What is read at once. */
const READ_BYTES = 4_194_304
const ID = '[A-Za-z0-9][A-Za-z0-9-]{0,63}'
/** Only what has one of these names is taken: a bucket's owner could call an object `../../.profile`. */
const RECORDING_KEY = new RegExp(`^(${ID})/(${ID}\\.dbrec)$`)
const LOG_KEY = new RegExp(`^(${ID})/${LOG_NAME.replace('.', '\\.')}/\\d{20}-\\d{20}$`)
const CHECKPOINT_KEY = new RegExp(`^(${ID})/${CHECKPOINT_NAME}/\\d{20}$`)
const ANCHORED_KEY = new RegExp(`^(${ID})/(\\d{20}\\.checkpoint)$`)

export interface FetchOptions {
  readonly store: ObjectStore
  /** Where to; made if it isn't there. */
  readonly dir: string
  readonly files?: FileSystem
  /** Called after each file. */
  readonly onFile?: (file: string) => void
}

/** What was brought. */
export interface FetchReport {
  readonly recordings: number
  readonly logs: number
  /** Checkpoints that an anchor keeps in the same place, for `--anchor`. */
  readonly checkpoints: number
  readonly bytes: number
  /** Files that were there already, with something else in them: they were left as they are. */
  readonly differing: readonly string[]
  /** Objects that are none of a gateway's. */
  readonly passedOver: number
}

/**
 * Brings recordings, logs and checkpoints from an object store to a folder, which then verifies like the original. Nothing
 * that is brought is believed: verify it. What is there already is left, but for logs and checkpoints that went on.
 *
 * @throws RecordingError STORE_UNREACHABLE, STORE_REFUSED, DIRECTORY_UNUSABLE, DISK_FULL; MALFORMED where a piece of a log is gone.
 * @example
 * const { differing } = await fetchRecordings({ store, dir: './from-bucket' })
 */
export async function fetchRecordings(options: FetchOptions): Promise<FetchReport> {
  const found = await sortOut(options.store)
  const bring = new Bringing(options)
  await bring.folder(options.dir)
  for (const boot of found.boots) await bring.folder(join(options.dir, boot))
  for (const { boot, name, object } of found.files) await bring.file(join(options.dir, boot), name, [object])
  for (const [boot, segments] of found.logs) await bring.log(join(options.dir, boot), boot, segments)
  for (const [boot, object] of found.checkpoints) await bring.newest(join(options.dir, boot), object)
  return {
    recordings: found.files.filter(({ name }) => name.endsWith('.dbrec')).length,
    logs: found.logs.size,
    checkpoints: found.files.filter(({ name }) => name.endsWith('.checkpoint')).length,
    bytes: bring.bytes,
    differing: bring.differing,
    passedOver: found.passedOver,
  }
}

interface Found {
  readonly boots: ReadonlySet<string>
  readonly files: readonly { readonly boot: string; readonly name: string; readonly object: ListedObject }[]
  readonly logs: ReadonlyMap<string, readonly (Segment & ListedObject)[]>
  /** The newest of each boot. */
  readonly checkpoints: ReadonlyMap<string, ListedObject>
  readonly passedOver: number
}

async function sortOut(store: ObjectStore): Promise<Found> {
  const boots = new Set<string>()
  const files: Found['files'][number][] = []
  const logs = new Map<string, (Segment & ListedObject)[]>()
  const checkpoints = new Map<string, ListedObject>()
  let passedOver = 0
  for await (const object of store.list('')) {
    const [, boot, name] = RECORDING_KEY.exec(object.key) ?? ANCHORED_KEY.exec(object.key) ?? []
    const [, ofLog] = LOG_KEY.exec(object.key) ?? []
    const [, ofCheckpoint] = CHECKPOINT_KEY.exec(object.key) ?? []
    const segment = segmentOf(object.key)
    if (boot !== undefined && name !== undefined) files.push({ boot, name, object })
    else if (ofLog !== undefined && segment !== null) {
      logs.set(ofLog, [...(logs.get(ofLog) ?? []), { ...segment, ...object }])
    } else if (ofCheckpoint !== undefined) checkpoints.set(ofCheckpoint, object)
    else passedOver++
    for (const one of [boot, ofLog, ofCheckpoint]) if (one !== undefined) boots.add(one)
  }
  return { boots, files, logs, checkpoints, passedOver }
}

class Bringing {
  readonly #options: FetchOptions
  readonly #files: FileSystem
  readonly differing: string[] = []
  bytes = 0

  constructor(options: FetchOptions) {
    this.#options = options
    this.#files = options.files ?? nodeFiles
  }

  async folder(path: string): Promise<void> {
    await this.#files.makeFolder(path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw unusable(path, error)
    })
  }

  /** A file of these objects, one after the other. */
  async file(folder: string, name: string, objects: readonly ListedObject[]): Promise<void> {
    await this.#bring(folder, name, { objects, mayGoOn: false })
  }

  async log(folder: string, boot: string, segments: readonly (Segment & ListedObject)[]): Promise<void> {
    let to = 0
    for (const segment of segments) {
      if (segment.from !== to || segment.bytes !== segment.to - segment.from) {
        throw new RecordingError(
          'MALFORMED',
          `the instance log of boot ${boot} isn't whole in ${this.#options.store.place}: expected bytes from ${to} on, found ${segment.key}; look for other versions of its objects`,
        )
      }
      to = segment.to
    }
    await this.#bring(folder, LOG_NAME, { objects: segments, mayGoOn: true })
  }

  /** Each says more than the one before. */
  async newest(folder: string, object: ListedObject): Promise<void> {
    await this.#files.remove(join(folder, CHECKPOINT_NAME)).catch(ignoreAbsent)
    await this.#bring(folder, CHECKPOINT_NAME, { objects: [object], mayGoOn: false })
  }

  async #bring(
    folder: string,
    name: string,
    { objects, mayGoOn }: { readonly objects: readonly ListedObject[]; readonly mayGoOn: boolean },
  ): Promise<void> {
    const [file, temporary] = [join(folder, name), join(folder, `${name}.fetching`)]
    const there = await this.#files.open(file, 'read').catch(absentAsNull)
    const known = there === null ? null : { handle: there, bytes: await there.size() }
    try {
      await this.#files.remove(temporary).catch(ignoreAbsent)
      const isSame = await this.#write(temporary, objects, known)
      const bytes = objects.reduce((sum, object) => sum + object.bytes, 0)
      const isNew = known === null || (mayGoOn && isSame && bytes >= known.bytes)
      if (isNew) await this.#files.rename(temporary, file)
      else await this.#files.remove(temporary)
      if (!isNew && (!isSame || (!mayGoOn && bytes !== known.bytes))) this.differing.push(file)
      await this.#files.syncFolder(folder)
      this.#options.onFile?.(file)
    } catch (error) {
      throw error instanceof RecordingError ? error : unusable(folder, error)
    } finally {
      await there?.close()
    }
  }

  /** Writes the objects, and says whether a file that is there begins alike, as far as both go. */
  async #write(
    temporary: string,
    objects: readonly ListedObject[],
    known: {
      readonly handle: { readonly read: (at: number, count: number) => Promise<Buffer> }
      readonly bytes: number
    } | null,
  ): Promise<boolean> {
    const handle = await this.#files.open(temporary, 'create')
    let [at, isSame] = [0, true]
    try {
      for await (const piece of this.#pieces(objects)) {
        await writeWhole(handle, piece)
        const beside = known === null ? null : await known.handle.read(at, piece.length)
        if (beside !== null && digest(beside) !== digest(piece.subarray(0, beside.length))) isSame = false
        at += piece.length
        this.bytes += piece.length
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    return isSame
  }

  async *#pieces(objects: readonly ListedObject[]): AsyncGenerator<Uint8Array, void, undefined> {
    const { store } = this.#options
    for (const { key, bytes } of objects) {
      for (let from = 0; from < bytes; from += READ_BYTES) {
        const piece = await store.get(key, from, Math.min(from + READ_BYTES, bytes))
        if (piece === null) throw new RecordingError('MALFORMED', `${store.place}/${key} went away while it was read`)
        yield piece
      }
    }
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function absentAsNull(error: unknown): null {
  if (systemCode(error) === 'ENOENT') return null
  throw error
}

function ignoreAbsent(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error
}
