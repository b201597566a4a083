import type { DiskFile } from './disk-file.ts'
import type { Chance } from './virtual-time.ts'

export type Node = DiskFile | DiskFolder

type NameChange =
  | { readonly kind: 'added' | 'removed'; readonly name: string; readonly node: Node }
  | { readonly kind: 'renamed'; readonly from: string; readonly name: string; readonly node: Node }

/** A folder: the names that the kernel shows, those on the disk, and the changes in between. */
export class DiskFolder {
  #names = new Map<string, Node>()
  #disk = new Map<string, Node>()
  #changes: NameChange[] = []

  get names(): ReadonlyMap<string, Node> {
    return this.#names
  }
  /** For {@link DiskFolder.synced}: what a sync that begins now covers. */
  get changes(): readonly unknown[] {
    return [...this.#changes]
  }

  add(name: string, node: Node): void {
    this.#names.set(name, node)
    this.#changes.push({ kind: 'added', name, node })
  }

  remove(name: string): void {
    const node = this.#names.get(name)
    if (node === undefined) return
    this.#names.delete(name)
    this.#changes.push({ kind: 'removed', name, node })
  }

  rename(from: string, name: string): void {
    const node = this.#names.get(from)
    if (node === undefined) return
    this.#names.delete(from)
    this.#names.set(name, node)
    this.#changes.push({ kind: 'renamed', from, name, node })
  }

  /** All changes that were there when it began are on the disk. */
  synced(changes: readonly unknown[]): void {
    const settled = new Set(changes)
    for (const change of this.#changes) if (settled.has(change)) this.#keep(change)
    this.#changes = this.#changes.filter(change => !settled.has(change))
  }

  /** Leaves of the changes that were not synced what a power cut may leave: each for itself. */
  powerCut(chance: Chance): void {
    const way = chance.pick(['all', 'none', 'first', 'any', 'any'])
    let isOver = false
    for (const change of this.#changes) {
      if (way === 'first' && chance.of(0.3)) isOver = true
      if (way === 'none' || isOver || (way === 'any' && chance.of(0.5))) continue
      this.#keep(change)
      // Some file systems leave a file that was given another name with both.
      if (change.kind === 'renamed' && chance.of(0.1)) this.#disk.set(change.from, change.node)
    }
    this.#names = new Map(this.#disk)
    this.#changes = []
  }

  #keep(change: NameChange): void {
    const { kind, name, node } = change
    if (kind === 'removed') {
      if (this.#disk.get(name) === node) this.#disk.delete(name)
      return
    }
    this.#disk.set(name, node)
    if (kind === 'renamed' && this.#disk.get(change.from) === node) this.#disk.delete(change.from)
  }
}
