import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { folderAnchorSource, verifyDirectory } from '../../src/index.ts'
import * as independent from '../../verifier/verify.mjs'
import { type Opinion, opinionOf, otherOpinionOf } from './opinions.ts'

/** A file's bytes by its path below the recordings directory; null: it is gone. */
export type Change = ReadonlyMap<string, Buffer | null>

/** What both verifiers say: without anchors, and with them and the key. */
export interface Opinions {
  readonly alone: Opinion
  readonly anchored: Opinion
}

/** They say different things. */
export class Disagreement extends Error {}

/** A copy of a directory with its anchor, that things are done to and undone. */
export class Subject {
  readonly files: ReadonlyMap<string, Buffer>
  readonly #dir: string
  readonly #anchor: string
  readonly #key: string

  private constructor(place: { dir: string; anchor: string; key: string }, files: ReadonlyMap<string, Buffer>) {
    this.#dir = place.dir
    this.#anchor = place.anchor
    this.#key = place.key
    this.files = files
  }

  static async of(vector: string, folder: string, key: string): Promise<Subject> {
    await mkdir(folder, { recursive: true })
    await cp(vector, folder, { recursive: true })
    const dir = join(folder, 'recordings')
    const files = new Map<string, Buffer>()
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isFile()) files.set(path.slice(dir.length + 1), await readFile(path))
    }
    return new Subject({ dir, anchor: join(folder, 'anchor'), key }, files)
  }

  /** What is said of the directory with a change, which is undone again. @throws Disagreement */
  async opinions(change: Change): Promise<Opinions> {
    try {
      for (const [name, bytes] of change) await this.#put(name, bytes)
      return { alone: await this.#opinion(false), anchored: await this.#opinion(true) }
    } finally {
      for (const name of change.keys()) await this.#put(name, this.files.get(name) ?? null)
    }
  }

  async #put(name: string, bytes: Buffer | null): Promise<void> {
    const path = join(this.#dir, name)
    const folder = dirname(path)
    if (bytes !== null) {
      await mkdir(folder, { recursive: true })
      await writeFile(path, bytes)
      return
    }
    await rm(path, { force: true })
    if ((await readdir(folder).catch(() => ['gone'])).length === 0) await rm(folder, { recursive: true })
  }

  async #opinion(isAnchored: boolean): Promise<Opinion> {
    const anchors = isAnchored ? { anchors: [folderAnchorSource(this.#anchor)], verifierKeys: [this.#key] } : {}
    const opinion = opinionOf(await verifyDirectory(this.#dir, { keys: null, ...anchors }))
    const others = isAnchored ? { anchors: [this.#anchor], keys: [this.#key] } : {}
    const other = otherOpinionOf(independent.verifyDirectory(this.#dir, others))
    if (JSON.stringify(opinion) !== JSON.stringify(other)) {
      throw new Disagreement(`${JSON.stringify(opinion)}\n${JSON.stringify(other)}`)
    }
    return opinion
  }
}
