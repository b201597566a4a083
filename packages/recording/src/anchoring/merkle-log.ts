import { RecordingError } from '../errors.ts'
import type { Growth } from './anchor.ts'
import { consistencyRanges, HASH_BYTES, MerkleRoot, nodeHash, splitOf } from './merkle-tree.ts'

/** The leaves of a tile, as c2sp.org/tlog-tiles cuts a tree. */
const TILE_LEAVES = 256

/** Hashes one after another, in one piece of memory. */
class HashList {
  #bytes = Buffer.alloc(HASH_BYTES)
  #count = 0

  get count(): number {
    return this.#count
  }
  get(index: number): Uint8Array {
    return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
  }
  push(hash: Uint8Array): void {
    const end = (this.#count + 1) * HASH_BYTES
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(this.#bytes.length * 2)
      this.#bytes.copy(grown)
      this.#bytes = grown
    }
    this.#bytes.set(hash, end - HASH_BYTES)
    this.#count += 1
  }
}

/**
 * The tree of a log while it is written: gives the root at any time, and proofs that it only grew from sizes that were
 * pinned. In memory for 64 bytes a tile of 256 leaves, and a tile's leaves a pin: 2.5 MB for ten million leaves.
 */
export class MerkleLog implements Growth {
  readonly #whole = new MerkleRoot()
  /** The roots of complete tiles, of pairs of them, of fours… */
  readonly #levels: HashList[] = []
  /** The leaves of tiles that are needed: the last one, and those that a pinned size ends in. */
  readonly #tiles = new Map<number, HashList>()
  readonly #pins = new Map<number, number>()

  get size(): number {
    return this.#whole.size
  }

  append(leaf: Uint8Array): void {
    const tile = tileOf(this.size)
    let leaves = this.#tiles.get(tile)
    if (leaves === undefined) {
      leaves = new HashList()
      this.#tiles.set(tile, leaves)
    }
    leaves.push(leaf)
    this.#whole.append(leaf)
    if (leaves.count < TILE_LEAVES) return
    this.#complete(this.#rangeHash(this.size - TILE_LEAVES, this.size))
    this.#drop(tile)
  }

  root(): Uint8Array {
    return this.#whole.root()
  }

  /** Keeps what a proof from a size will need: the log's size now, or one that is pinned. Each pin is to be let go once. */
  pin(size: number = this.size): number {
    const pins = this.#pins.get(size) ?? 0
    if (pins > 0 || size === this.size) this.#pins.set(size, pins + 1)
    return size
  }

  unpin(size: number): void {
    const pins = (this.#pins.get(size) ?? 0) - 1
    if (pins > 0) this.#pins.set(size, pins)
    else this.#pins.delete(size)
    this.#drop(tileOf(size))
  }

  /**
   * The RFC 6962 consistency proof from a pinned size to the log's size now.
   *
   * @throws RecordingError BAD_OPTIONS from another size.
   */
  proofFrom(size: number): readonly Uint8Array[] {
    return this.proof(size, this.size)
  }

  /** The same between two pinned sizes. */
  proof(from: number, to: number): readonly Uint8Array[] {
    return consistencyRanges(from, to).map(({ start, end }) => this.#rangeHash(start, end))
  }

  /** The hash of a node: stored, or made of those below. */
  #rangeHash(start: number, end: number): Uint8Array {
    const leaves = end - start
    if (leaves === 1) return this.#leaf(start)
    const stored = this.#stored(start, leaves)
    if (stored !== null) return stored
    const middle = start + splitOf(leaves)
    return nodeHash(this.#rangeHash(start, middle), this.#rangeHash(middle, end))
  }

  #stored(start: number, leaves: number): Uint8Array | null {
    const level = Math.log2(leaves / TILE_LEAVES)
    if (!Number.isInteger(level) || level < 0) return null
    const list = this.#levels[level]
    const index = start / leaves
    return list === undefined || index >= list.count ? null : list.get(index)
  }

  #leaf(index: number): Uint8Array {
    const tile = this.#tiles.get(tileOf(index))
    if (tile === undefined) {
      throw new RecordingError('BAD_OPTIONS', 'a proof is made from a size that a checkpoint was handed over for')
    }
    return tile.get(index % TILE_LEAVES)
  }

  #complete(tileRoot: Uint8Array): void {
    let hash = tileRoot
    for (let level = 0; ; level++) {
      const list = this.#levels[level] ?? new HashList()
      this.#levels[level] = list
      list.push(hash)
      if (list.count % 2 === 1) return
      hash = nodeHash(list.get(list.count - 2), hash)
    }
  }

  /** Forgets a complete tile's leaves, unless a pinned size ends in it. */
  #drop(tile: number): void {
    if (tile >= tileOf(this.size)) return
    for (const size of this.#pins.keys()) if (tileOf(size) === tile) return
    this.#tiles.delete(tile)
  }
}

const tileOf = (size: number): number => Math.floor(size / TILE_LEAVES)
