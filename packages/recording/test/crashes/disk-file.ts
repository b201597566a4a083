import type { Chance } from './virtual-time.ts'

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512

/** Changes of a file that no sync came after. */
interface Change {
  readonly number: number
  /** The size that it left. */
  readonly size: number
  /** The sectors that it touched, as they were after it. */
  readonly sectors: ReadonlyMap<number, Buffer>
}

/** What a power cut leaves where a file has grown and its bytes never came. */
export type Filler = 'zeros' | 'noise' | 'others'

/** A file: what the kernel shows of it, what is on the disk, and the changes in between. */
export class DiskFile {
  modifiedAt = 0
  #cache: Buffer = Buffer.alloc(0)
  /** Where the cache stands, with room to grow. */
  #room: Buffer = Buffer.alloc(0)
  #disk: Buffer = Buffer.alloc(0)
  #changes: Change[] = []
  #number = 0
  /** The kernel shows what it gave up writing. */
  #isForgetful = false

  get size(): number {
    return this.#cache.length
  }
  get bytes(): Buffer {
    return this.#cache
  }
  /** For {@link DiskFile.synced}: what a sync that begins now covers. */
  get changes(): number {
    return this.#number
  }

  write(position: number, bytes: Uint8Array): void {
    const size = Math.max(this.#cache.length, position + bytes.length)
    if (size > this.#room.length || this.#cache.buffer !== this.#room.buffer) {
      this.#room = Buffer.alloc(Math.max(2 * size, 4_096))
      this.#cache.copy(this.#room)
    }
    this.#room.set(bytes, position)
    this.#cache = this.#room.subarray(0, size)
    this.#note(position, position + bytes.length)
  }

  truncate(size: number): void {
    const before = this.#cache.length
    this.#cache = resized(this.#cache, size)
    this.#note(Math.min(size, before), Math.max(size, Math.min(before, sectorEnd(size))))
  }

  #note(from: number, to: number): void {
    const sectors = new Map<number, Buffer>()
    for (let at = sectorOf(from); at * SECTOR_BYTES < to; at++) sectors.set(at, sectorIn(this.#cache, at))
    this.#changes.push({ number: ++this.#number, size: this.#cache.length, sectors })
  }

  /** All changes up to that one are on the disk. */
  synced(number: number): void {
    this.#settle(number, () => true)
  }

  /** A sync that failed: the kernel has given up on the changes, though some were written, and shows them all the same. */
  gaveUp(number: number, chance: Chance): void {
    this.#settle(number, () => chance.of(0.5))
    this.#isForgetful = true
  }

  #settle(number: number, isWritten: () => boolean): void {
    const settled = this.#changes.filter(change => change.number <= number)
    this.#changes = this.#changes.filter(change => change.number > number)
    const last = settled.at(-1)
    if (last === undefined) return
    const newest = new Map(settled.flatMap(({ sectors }) => [...sectors]))
    if (isWritten()) this.#disk = resized(this.#disk, last.size)
    for (const [at, sector] of newest) if (isWritten()) sector.copy(this.#disk, at * SECTOR_BYTES)
  }

  /** The process that had it open is killed; the machine goes on. */
  killed(chance: Chance): void {
    // Pages that were given up may be read again from the disk at any time.
    if (this.#isForgetful && this.#changes.length === 0 && chance.of(0.5)) this.#cache = Buffer.from(this.#disk)
  }

  /** Leaves of the changes that were not synced what a power cut may leave. */
  powerCut(chance: Chance, filler: (count: number) => Buffer): void {
    const changes = this.#changes
    if (changes.length > 0) {
      const size = this.#sizeLeft(chance)
      const before = this.#disk.length
      const disk = resized(this.#disk, size)
      if (size > before) filler(size - before).copy(disk, before)
      const keeps = sectorKeeper(chance, changes.length)
      const touched = new Set(changes.flatMap(({ sectors }) => [...sectors.keys()]))
      for (const at of [...touched].sort((a, b) => a - b)) {
        const versions = changes.flatMap(({ sectors }) => sectors.get(at) ?? [])
        const kept = keeps(versions, at)
        if (kept === null) {
          // The rest of a sector that has bytes from before is zeros, as it was.
          if (at * SECTOR_BYTES < before) disk.fill(0, Math.min(before, size), Math.min(sectorEnd(before), size))
        } else {
          disk.fill(0, at * SECTOR_BYTES, Math.min((at + 1) * SECTOR_BYTES, size))
          kept.copy(disk, at * SECTOR_BYTES)
        }
      }
      this.#disk = disk
    }
    this.#cache = Buffer.from(this.#disk)
    this.#changes = []
    this.#isForgetful = false
  }

  #sizeLeft(chance: Chance): number {
    const sizes = [this.#disk.length, ...this.#changes.map(({ size }) => size)]
    const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
    const ends = most > least && chance.of(0.3) ? [sectorEnd(least + chance.below(most - least))] : sizes
    return Math.min(most, chance.pick([ends[0] ?? 0, ...ends.slice(1)]))
  }
}

/** All, none, up to somewhere, from somewhere on, or any of a file's sectors, each in any of its versions. */
function sectorKeeper(chance: Chance, changes: number): (versions: readonly Buffer[], at: number) => Buffer | null {
  const way = chance.pick(['all', 'none', 'first', 'last', 'any', 'any', 'any'])
  let turned = way === 'last'
  const share = 1 / (1 + changes)
  return versions => {
    const newest = versions.at(-1) ?? null
    if (way === 'all') return newest
    if (way === 'none') return null
    if (way === 'any') return chance.of(0.4) ? null : (versions[chance.below(versions.length)] ?? null)
    if (chance.of(share)) turned = !turned
    return turned ? null : newest
  }
}

const sectorOf = (position: number): number => Math.floor(position / SECTOR_BYTES)
const sectorEnd = (position: number): number => Math.ceil(position / SECTOR_BYTES) * SECTOR_BYTES
const sectorIn = (bytes: Buffer, at: number): Buffer =>
  Buffer.from(bytes.subarray(at * SECTOR_BYTES, (at + 1) * SECTOR_BYTES))

function resized(bytes: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size)
  bytes.copy(next, 0, 0, Math.min(size, bytes.length))
  return next
}
